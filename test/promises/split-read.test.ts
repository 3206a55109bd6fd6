// A read of several commands is of one moment also when the connection ends between their replies. ioredis would send
// single commands that were not answered again, so that what was checked before the break is older than what is read after
// it. A history without a session does read so: there the check comes later, with the append.
import { HumanMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis-5";
import {
  type ConversationNotFoundError,
  RedisChatMessageHistory,
  type Session,
  SessionStore,
} from "langchain-redis-sessions";
import { faultyProxy } from "langchain-redis-sessions/testing";
import { describe, expect, inject, test, vi } from "vitest";
import { client as writer, sessions } from "../support/session-store.js";

describe.each<[string, (url: string) => Redis]>([
  ["ioredis 5", (url) => new Redis5(url) as unknown as Redis],
  ["ioredis 6", (url) => new Redis(url)],
])("%s: the reply of the last command is lost, and something happens before it is sent again", (_name, connect) => {
  /** Reads while `meanwhile` happens between the two attempts. */
  async function readAround<Value>(
    read: (client: Redis) => Promise<Value>,
    meanwhile: () => Promise<unknown>,
  ): Promise<unknown> {
    const proxy = await faultyProxy(inject("servers").single);
    const client = connect(proxy.url);
    client.on("error", () => {});
    await client.ping();
    proxy.dropReplies({ command: "LRANGE" });
    // Made before it fails: what is refused later is not unhandled until then.
    const outcome = read(client).catch((error: unknown) => error);
    await vi.waitUntil(() => proxy.faults === 1, { interval: 1 });
    proxy.refuse();
    await meanwhile();
    await proxy.heal();
    const value = await outcome;
    client.disconnect();
    await proxy.close();
    return value;
  }

  async function conversation(texts: readonly string[]): Promise<Session> {
    const { session } = await sessions.create({ userId: crypto.randomUUID(), agentId: "one" });
    if (texts.length > 0) await sessions.history(session).addMessages(texts.map((text) => new HumanMessage(text)));
    return session;
  }

  test("the session ends, and another goes on: nothing is shown to the one that ended", async () => {
    const session = await conversation(["before"]);
    const { conversationId } = session;
    const read = await readAround(
      (client) => new SessionStore({ client }).history(session).getMessages(),
      async () => {
        await sessions.endById(session, session.id);
        const next = await sessions.create({ userId: session.userId, agentId: "one", conversationId });
        await sessions.history(next.session).addMessages([new HumanMessage("after the end")]);
      },
    );
    expect(read).toMatchObject({ code: "SESSION_NOT_FOUND", reason: "ended" });
  });

  test("another agent begins the conversation: nothing is shown to this one", async () => {
    const session = await conversation([]);
    const { session: other } = await sessions.create({ userId: session.userId, agentId: "two" });
    const aimed = { ...other, conversationId: session.conversationId };
    const read = await readAround(
      (client) => new SessionStore({ client }).history(aimed).getMessages(),
      () => sessions.history(session).addMessages([new HumanMessage("for agent one only")]),
    );
    const code: ConversationNotFoundError["code"] = "CONVERSATION_NOT_FOUND";
    expect(read).toMatchObject({ code });
  });

  test("a history without a session is cleared: a turn that read before and after it is refused", async () => {
    const sessionId = crypto.randomUUID();
    const history = new RedisChatMessageHistory({ client: writer, sessionId });
    await history.addMessages([new HumanMessage("before")]);
    let read: readonly string[] = [];
    const outcome = await readAround(
      async (client) => {
        const split = new RedisChatMessageHistory({ client, sessionId });
        read = (await split.getMessages()).map((message) => message.text);
        await split.addMessages([new HumanMessage("based on both")]);
      },
      async () => {
        await history.clear();
        await history.addMessages([new HumanMessage("after")]);
      },
    );
    expect(read).toEqual(["after"]);
    expect(outcome).toMatchObject({ code: "CONVERSATION_CHANGED" });
  });

  test("control: separate commands read two moments", async () => {
    const session = await conversation(["0"]);
    const key = (await writer.keys(`*${session.conversationId}*`)).find((name) => name.includes(":messages:")) ?? "";
    const read = await readAround(
      (client) => Promise.all([client.llen(key), client.lrange(key, 0, -1)]),
      () => sessions.history(session).addMessages([new HumanMessage("1")]),
    );
    expect(read).toEqual([1, [expect.any(String), expect.any(String)]]);
  });
});

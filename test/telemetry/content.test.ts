// P19: what is content, and who a user is, is in no span and no metric, with the real SDK and the real instrumentation of
// ioredis, whatever is done.
import { once } from "node:events";
import { trace } from "@opentelemetry/api";
import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { emptyCheckpoint } from "@langchain/langgraph-checkpoint";
import { Redis } from "ioredis";
import { AgentMemory, type Keyring, keyring, RedisChatMessageHistory, SessionStore } from "langchain-redis-sessions";
import { RedisSaver, RedisStore, SessionSaver } from "langchain-redis-sessions/langgraph";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { instrument } from "langchain-redis-sessions/telemetry";
import { afterAll, afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { ScriptedModel } from "../support/scripted-model.js";
import { onOneRedis } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { Recorder } from "./support/recorder.js";

const recorder = new Recorder();
afterAll(() => recorder.stop());
beforeEach(() => recorder.reset());
let uninstrument: (() => void) | undefined;
afterEach(() => uninstrument?.());

const secret = (what: string): string => `${what}-${freshId()}`;

/** Uses everything that there is, within a request that is traced, and returns what nobody may see. */
function useAll(client: Redis, options: Options): Promise<readonly string[]> {
  return trace.getTracer("test").startActiveSpan("request", async (span) => {
    const secrets = await used(client, options);
    span.end();
    return secrets;
  });
}

interface Options {
  readonly encryption?: Keyring;
  readonly compress?: boolean;
}

async function used(client: Redis, options: Options): Promise<readonly string[]> {
  const [text, argument, title, value, note, event] = ["text", "argument", "title", "value", "note", "event"].map(
    secret,
  ) as [string, string, string, string, string, string];
  const email = `${freshId()}@example.com`;
  const turn = () => [
    new HumanMessage(text),
    new AIMessage({ content: "", tool_calls: [{ id: "1", name: "look", args: { for: argument } }] }),
    new ToolMessage({ content: text, tool_call_id: "1" }),
    new AIMessage(text),
  ];
  const history = new RedisChatMessageHistory({ client, sessionId: email, ...options });
  await history.addMessages(turn());
  await history.getMessages();
  await history.clear();

  const sessions = new SessionStore({ client, ...options });
  const owner = { userId: email };
  const { token, session } = await sessions.create({ ...owner, agentId: "support", metadata: { note } });
  await sessions.verify(token);
  await expect(sessions.verify(`${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`)).rejects.toMatchObject({
    code: "INVALID_TOKEN",
  });
  await sessions.history(session).addMessages(turn());
  await sessions.conversations.rename(owner, session.conversationId, title);
  await sessions.conversations.messages(owner, session.conversationId);
  const answers = sessions.answers(session);
  const answer = await answers.begin({ operationId: freshId(), input: text });
  answer.send({ token: event });
  const model = new ScriptedModel(text);
  const chat = new RunnableWithSession({ runnable: model, sessions });
  await chat.invoke([new HumanMessage(text)], { configurable: { session, answer } });
  await answer.close();
  for await (const one of answers.follow({ operationId: answer.operationId })) expect(one).toBeDefined();
  const broken = new RunnableWithSession({ runnable: new ScriptedModel(new Error(text)), sessions });
  await expect(broken.invoke([new HumanMessage(text)], { configurable: { session } })).rejects.toThrow(text);

  await sessions.memory(session).set("fact", { value });
  await sessions.memory(session).get("fact");
  const memory = new AgentMemory({ client, namespace: email, encryption: options.encryption });
  await memory.set("fact", value);
  await memory.append("list", [value]);

  const saver = new RedisSaver({ client, ...options });
  const put = async (to: Pick<RedisSaver, "put" | "getTuple">, config: RunnableConfig): Promise<void> => {
    const checkpoint = { ...emptyCheckpoint(), channel_values: { said: text }, channel_versions: { said: 1 } };
    await to.put(config, checkpoint, { source: "input", step: 1, parents: {} }, { said: 1 });
    await to.getTuple(config);
  };
  await put(saver, { configurable: { thread_id: email, checkpoint_ns: "" } });
  await put(new SessionSaver({ sessions }), {
    configurable: { session, thread_id: session.conversationId, checkpoint_ns: "" },
  });
  const store = new RedisStore({ client, ...options });
  await store.put(["facts", "users"], "fact", { value });
  await store.search(["facts"], { filter: { value } });
  await sessions.exportUser(owner).next();
  await sessions.end(token);
  await sessions.eraseUser(owner);
  await sessions.close();
  return [text, argument, title, value, note, event, email, token];
}

const ring = (): Options => ({
  encryption: keyring({ current: "a", keys: { a: Buffer.alloc(32, 7) } }),
  compress: true,
});

describe("with instrument(), spans and metrics hold nothing that is secret", () => {
  test.each([
    ["stored as it is", (): Options => ({})],
    ["sealed and compressed", ring],
  ])("%s", async (_form, options) => {
    uninstrument = instrument({ hashIds: "a secret for the test" });
    const client = onOneRedis.connect() as Redis;
    // What is sent before the connection stands is sent by ioredis, later, in a context of its own.
    await client.ping();
    const secrets = await useAll(client, options());
    await client.quit();
    const names = new Set(recorder.spans().map(({ name }) => name));
    const expected = ["session.create", "session.verify", "conversation.append", "turn", "answer", "answer.follow"];
    expect([...names]).toEqual(expect.arrayContaining([...expected, "thread.put", "memory.set", "items.write"]));
    const seen = await recorder.text();
    for (const one of secrets) expect(seen, one).not.toContain(one);
    expect(seen).toContain("langchain_redis_sessions.operation.duration");
  });
});

describe("what waits in the offline queue of ioredis until a connection stands", () => {
  /** Uses a client whose connection does not stand: whatever is sent first has to wait. */
  const use = (make: () => Redis): Promise<readonly string[]> =>
    trace.getTracer("test").startActiveSpan("request", async (span) => {
      const client = make();
      expect(client.status).not.toBe("ready");
      const secrets = await used(client, {});
      await client.quit();
      span.end();
      return secrets;
    });
  const connect = ({ lazyConnect = false } = {}): Redis => new Redis({ ...inject("servers").single, lazyConnect });
  beforeEach(() => {
    uninstrument = instrument({ hashIds: "a secret for the test" });
  });

  test.each([
    ["is new", () => connect()],
    ["connects with its first command", () => connect({ lazyConnect: true })],
    [
      "has lost its connection",
      async () => {
        const client = connect();
        await client.ping();
        client.disconnect(true);
        await once(client, "close");
        return client;
      },
    ],
  ])("is not shown, if the client %s", async (_which, make) => {
    const client = await make();
    const secrets = await use(() => client);
    const seen = await recorder.text();
    for (const one of secrets) expect(seen, one).not.toContain(one);
  });

  // The limit that docs/redis.md tells of, and its remedy.
  test("is shown, but for tokens, if the client was made within a traced request", async () => {
    const secrets = await use(() => connect());
    const seen = await recorder.text();
    expect(secrets.filter((one) => seen.includes(one)).length).toBeGreaterThan(0);
    expect(seen).not.toContain(secrets.at(-1));
  });

  test("is not shown with the serializer that docs/redis.md advises, whichever module made the client", async () => {
    recorder.configureIoredis({ dbStatementSerializer: (name) => name });
    try {
      const secrets = await use(() => connect());
      const seen = await recorder.text();
      for (const one of secrets) expect(seen, one).not.toContain(one);
    } finally {
      recorder.configureIoredis({});
    }
  });
});

test("control: without instrument(), the instrumentation of ioredis shows texts and users", async () => {
  const client = onOneRedis.connect() as Redis;
  const secrets = await useAll(client, {});
  await client.quit();
  const seen = await recorder.text();
  const [text, argument, title, value, note, event, email] = secrets;
  for (const one of [text, argument, title, value, note, event, email]) expect(seen).toContain(one);
});

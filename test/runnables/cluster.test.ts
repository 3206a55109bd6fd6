// A turn on a Cluster: its commands find their slot, whatever client sends them, and the end of a session finds its turns.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Session, SessionNotFoundError, SessionStore, type TurnOptions } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { type Client, topologies } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { lines } from "./support/conversation.js";
import { answering, hanging, type ScriptedModel } from "../support/scripted-model.js";

describe.each(topologies.filter(({ name }) => name.startsWith("Cluster")))("a turn on a $name", ({ connect }) => {
  const keyPrefix = freshId();
  let clients: Client[];
  /** Two processes as far as Redis can tell. */
  let here: SessionStore;
  let elsewhere: SessionStore;
  beforeAll(() => {
    clients = [connect(), connect()];
    [here, elsewhere] = clients.map((client) => new SessionStore({ client, keyPrefix })) as [
      SessionStore,
      SessionStore,
    ];
  });
  afterAll(async () => {
    await Promise.all([here.close(), elsewhere.close()]);
    await Promise.all(clients.map((client) => client.quit()));
  });

  let session: Session;
  beforeEach(async () => {
    ({ session } = await here.create({ userId: freshId(), agentId: "support" }));
  });
  const config = () => ({ configurable: { session } });
  const chainOf = (runnable: ScriptedModel, sessions: SessionStore, options: TurnOptions = {}) =>
    new RunnableWithSession({ runnable, sessions, ...options });
  const stored = async (): Promise<string[]> =>
    lines((await elsewhere.conversations.messages(session, session.conversationId)).map(({ message }) => message));

  test("is stored when it was invoked, and when it was streamed; the next one is given it", async () => {
    await chainOf(answering(), here).invoke("one", config());
    const model = answering();
    const heard: string[] = [];
    for await (const part of await chainOf(model, elsewhere).stream("two", config())) heard.push(part.text);
    expect(heard.join("")).toBe("re: two");
    expect(lines(model.given[0] ?? [])).toEqual(["human: one", "ai: re: one", "human: two"]);
    expect(await stored()).toEqual(["human: one", "ai: re: one", "human: two", "ai: re: two"]);
  });

  test("with wait, runs when those before it have ended, in any process", async () => {
    const given: number[] = [];
    await Promise.all(
      [here, elsewhere, here, elsewhere].map(async (sessions, turn) => {
        const model = answering();
        await chainOf(model, sessions, { concurrency: "wait" }).invoke(String(turn), config());
        given.push(model.given[0]?.length ?? 0);
      }),
    );
    expect(given.toSorted((one, another) => one - another)).toEqual([1, 3, 5, 7]);
    expect(await stored()).toHaveLength(8);
  });

  test("is stopped when its session is ended elsewhere, and is not stored", async () => {
    const model = hanging(["Hel"]);
    const answer = chainOf(model, here).invoke("Hi", config());
    answer.catch(() => {});
    await expect.poll(() => model.given.length).toBe(1);
    await elsewhere.endAll(session);
    await expect(answer).rejects.toBeInstanceOf(SessionNotFoundError);
    const pages = await elsewhere.conversations.messages(session, session.conversationId).catch(() => []);
    expect(pages).toEqual([]);
  });
});

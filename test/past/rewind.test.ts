// P16: `rewind` removes a user's message and all behind it. Whoever read what is removed cannot write it back.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { SessionStore } from "langchain-redis-sessions";
import { Turn } from "../../src/turns/turn.js";
import { type Client, onOneRedis, topologies } from "../support/topologies.js";
import { freshId, texts } from "../support/turns.js";
import { said } from "./support/conversations.js";
import { outcomeOf, ToldSettings, writeOutcomeOf } from "./support/outcomes.js";
import { SessionPast } from "./support/session-past.js";

describe.each([onOneRedis, topologies[1] ?? onOneRedis])("rewind on $name", ({ connect }) => {
  let client: Client;
  let other: Client;
  beforeAll(() => {
    client = connect();
    other = connect();
  });
  afterAll(async () => {
    await Promise.all([client.quit(), other.quit()]);
  });

  let past: SessionPast;
  beforeEach(async () => {
    past = await SessionPast.of(client, [
      ["Q: one", "first"],
      ["Q: two", "second"],
    ]);
  });
  const rewind = async (text: string, operationId = freshId()): Promise<void> =>
    past.store.conversations.rewind(past.session, past.id, { before: await past.at(text), operationId });
  const conversations = () => past.store.conversations.list(past.session);

  test("removes that message and all behind it, and nothing else of the conversation", async () => {
    await past.store.conversations.rename(past.session, past.id, "Trip");
    const [before] = await conversations();
    const lineage = await client.hget(past.keys.conversation(past.id), "lineage");
    const first = (await past.messages()).slice(0, 2);
    await rewind("Q: two");
    expect(await past.messages()).toEqual(first);
    expect(await conversations()).toEqual([{ ...before, messageCount: 2 }]);
    expect(await client.hget(past.keys.conversation(past.id), "lineage")).toBe(lineage);
    await past.append("Q: new", "answer");
    expect(await past.stored()).toEqual(["Q: one", "first", "Q: new", "answer"]);
  });

  test("before the first message ends the conversation, as a clear does", async () => {
    const turn = await past.begin();
    await rewind("Q: one");
    expect(await past.stored()).toEqual([]);
    expect(await conversations()).toEqual([]);
    expect(await outcomeOf(past.messages())).toBe("CONVERSATION_NOT_FOUND");
    expect(await writeOutcomeOf(turn.store(said("Q: late", "late")))).toBe("CONVERSATION_CHANGED");
    await past.append("Q: new");
    expect(await past.stored()).toEqual(["Q: new"]);
  });

  test("refuses every turn that read what is removed: one that begins, one with parts, one with the lease", async () => {
    const leased = new ToldSettings();
    Object.assign(leased, { concurrency: "reject" });
    const turns = [await past.begin(), await past.begin({ operationId: "one" }), await past.begin({}, leased)];
    await turns[1]?.storeStep(said("Q: with parts"));
    await rewind("Q: two");
    for (const turn of turns) {
      expect(await writeOutcomeOf(turn.store(said("Q: late", "late")))).toBe("CONVERSATION_CHANGED");
    }
    expect(await past.stored()).toEqual(["Q: one", "first"]);
  });

  test("refuses an append of another process that read before, and not one that did not", async () => {
    const store = new SessionStore({ client: other, keyPrefix: past.keys.base.split(":")[0] });
    const history = store.history(past.session);
    await history.getMessages();
    await rewind("Q: two");
    expect(await outcomeOf(history.addMessages(said("Q: late").messages()))).toBe("CONVERSATION_CHANGED");
    await store.history(past.session).addMessages(said("Q: new").messages());
    expect(await past.stored()).toEqual(["Q: one", "first", "Q: new"]);
  });

  test.each(["in front of", "within"])("%s the parts of a turn, they are no parts any more", async (where) => {
    const failed = await past.begin({ operationId: "one" });
    await failed.storeStep(said("Q: three"));
    await failed.storeStep(said("Q: four", "a step"));
    await rewind(where === "within" ? "Q: four" : "Q: two");
    const left = where === "within" ? ["Q: one", "first", "Q: two", "second", "Q: three"] : ["Q: one", "first"];
    expect(texts((await past.begin({ operationId: "one" })).past)).toEqual(left);
  });

  test("repeated with its operation id takes place once, and the id names nothing else", async () => {
    const position = await past.at("Q: two");
    const call = (before: string) =>
      past.store.conversations.rewind(past.session, past.id, { before, operationId: "r" });
    await call(position);
    await past.append("Q: new", "answer");
    await call(position);
    expect(await past.stored()).toEqual(["Q: one", "first", "Q: new", "answer"]);
    expect(await outcomeOf(call(await past.at("Q: new")))).toBe("OPERATION_CONFLICT");
    expect(await past.stored()).toHaveLength(4);
  });

  test("is refused for another owner, and changes nothing", async () => {
    const position = await past.at("Q: two");
    const { userId } = past.session;
    const before = await past.dump();
    for (const owner of [{ userId: freshId() }, { userId, orgId: "acme" }, { userId: "", orgId: userId }]) {
      const call = async () => past.store.conversations.rewind(owner, past.id, { before: position });
      expect(["CONVERSATION_NOT_FOUND", "INVALID_OPTION"]).toContain(await outcomeOf(call()));
    }
    expect(await past.dump()).toEqual(before);
  });

  test.each<[string, (one: SessionPast) => Promise<unknown>]>([
    ["eraseUser", ({ store, session }) => store.eraseUser(session)],
    ["delete", ({ store, session, id }) => store.conversations.delete(session, id)],
    ["clear", ({ store, session }) => store.history(session).clear()],
    ["the expiry", ({ keys, id }) => client.del(keys.messages(id), keys.conversation(id))],
    ["the eviction of its messages", ({ keys, id }) => client.del(keys.messages(id))],
    // Else a rewind would leave a record without an expiry.
    ["the eviction of its record", ({ keys, id }) => client.del(keys.conversation(id))],
  ])("is refused after %s", async (_what, end) => {
    const position = await past.at("Q: two");
    await end(past);
    const before = await past.dump();
    const call = past.store.conversations.rewind(past.session, past.id, { before: position });
    expect(await outcomeOf(call)).toBe("CONVERSATION_NOT_FOUND");
    expect(await past.dump()).toEqual(before);
  });

  test("and a turn that goes on after a pause: it is refused too", async () => {
    const turn = await past.begin({ operationId: "one" });
    await turn.storeStep(said("Q: three"));
    const { operationId, attempt, named, seen, fence } = turn;
    await rewind("Q: two");
    const run = { operationId, attempt, named, seen, fence, stored: 1, ended: false, lease: undefined };
    const resumed = await Turn.resume(past.store.history(past.session), new ToldSettings(), {}, run);
    expect(await writeOutcomeOf(resumed.store(said("late")))).toBe("CONVERSATION_CHANGED");
  });
});

// "Safe to repeat": whatever kind of history the messages of another library are copied into.
import { HumanMessage } from "@langchain/core/messages";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { importMessages, RedisChatMessageHistory, SessionStore } from "langchain-redis-sessions";
import { type Client, topologies } from "../support/topologies.js";
import { freshId, texts, turn } from "../support/turns.js";

type Open = () => RedisChatMessageHistory;

const kinds: { name: string; make: (client: Client) => Promise<Open> }[] = [
  {
    name: "a history on its own",
    make: async (client) => {
      const sessionId = freshId();
      return () => new RedisChatMessageHistory({ client, sessionId });
    },
  },
  {
    name: "a session's history",
    make: async (client) => {
      const sessions = new SessionStore({ client });
      const { session } = await sessions.create({ userId: freshId(), agentId: "support" });
      return () => sessions.history(session);
    },
  },
];

describe.each(topologies)("on $name", ({ connect }) => {
  let client: Client;
  beforeAll(() => {
    client = connect();
  });
  afterAll(async () => {
    await client.quit();
  });

  describe.each(kinds)("messages imported into $name", ({ make }) => {
    let open: Open;
    let key: string;
    const old = ["Hi", "Hello", "Bye"];
    const importInto = (history: RedisChatMessageHistory): Promise<number> => importMessages({ client, key, history });
    const begin = async (): Promise<void> => {
      open = await make(client);
      key = `chat:${freshId()}`;
      const entries = old.map((content) => JSON.stringify({ type: "human", data: { content } }));
      await client.lpush(key, ...entries);
      await client.pexpire(key, 60_000);
    };
    beforeEach(begin);

    test("are copied once, even if the import is repeated", async () => {
      expect(await importInto(open())).toBe(3);
      expect(await importInto(open())).toBe(0);
      expect(await importInto(open())).toBe(0);
      expect(texts(await open().getMessages())).toEqual(old);
    });

    test("are copied once, also by an object that has imported, read or written before", async () => {
      const history = open();
      expect(await importInto(history)).toBe(3);
      expect(await importInto(history)).toBe(0);
      await history.addMessages(turn("new"));
      await history.getMessages();
      expect(await importInto(history)).toBe(0);
      expect(texts(await open().getMessages())).toEqual([...old, "new", "re: new"]);
    });

    test("are not copied to where there are messages already", async () => {
      await open().addMessages(turn("new"));
      expect(await importInto(open())).toBe(0);
      expect(texts(await open().getMessages())).toEqual(["new", "re: new"]);
    });

    test("are not copied after a clear(), nor after one of a history that was never used", async () => {
      for (const used of [true, false]) {
        await begin();
        const history = open();
        if (used) expect(await importInto(history)).toBe(3);
        await open().clear();
        expect(await importInto(open())).toBe(0);
        expect(await importInto(history)).toBe(0);
        expect(await open().length()).toBe(0);
        await open().addMessages(turn("new"));
        expect(await importInto(open())).toBe(0);
        expect(await open().length()).toBe(2);
      }
    });

    test("are copied once by many processes at once", async () => {
      const counts = await Promise.all(Array.from({ length: 10 }, () => importInto(open())));
      expect(counts.toSorted((one, other) => one - other)).toEqual([...Array.from({ length: 9 }, () => 0), 3]);
      expect(texts(await open().getMessages())).toEqual(old);
    });

    test("never follow a turn that comes in meanwhile", async () => {
      for (let round = 0; round < 10; round++) {
        await begin();
        await Promise.all([importInto(open()), open().addMessages([new HumanMessage("new")])]);
        expect(["Hi Hello Bye new", "new"]).toContain(texts(await open().getMessages()).join(" "));
      }
    });
  });

  describe("into a session's history", () => {
    const sessions = (): SessionStore => new SessionStore({ client });
    const oldList = async (): Promise<string> => {
      const key = `chat:${freshId()}`;
      await client.rpush(key, JSON.stringify({ type: "human", data: { content: "old" } }));
      await client.pexpire(key, 60_000);
      return key;
    };
    const init = () => ({ userId: freshId(), agentId: "support" });

    test("nothing is copied that another session of the same conversation has copied, or deleted", async () => {
      const [store, key, owner] = [sessions(), await oldList(), init()];
      const { session } = await store.create(owner);
      expect(await importMessages({ client, key, history: store.history(session) })).toBe(1);
      const { session: other } = await store.create({ ...owner, conversationId: session.conversationId });
      expect(await importMessages({ client, key, history: store.history(other) })).toBe(0);
      await store.conversations.delete(owner, session.conversationId);
      expect(await importMessages({ client, key, history: store.history(other) })).toBe(0);
      expect(await store.history(other).length()).toBe(0);
      expect(await store.conversations.list(owner)).toEqual([]);
    });

    test("nothing is copied for a session that has ended", async () => {
      const [store, key] = [sessions(), await oldList()];
      const { token, session } = await store.create(init());
      await store.end(token);
      const work = importMessages({ client, key, history: store.history(session) });
      await expect(work).rejects.toMatchObject({ code: "SESSION_NOT_FOUND" });
    });

    test("an import that finds messages does not count as activity of the conversation", async () => {
      const [store, key, owner] = [sessions(), await oldList(), init()];
      const { session } = await store.create(owner);
      await importMessages({ client, key, history: store.history(session) });
      const before = await store.conversations.list(owner);
      expect(await importMessages({ client, key, history: store.history(session) })).toBe(0);
      expect(await store.conversations.list(owner)).toEqual(before);
    });
  });
});

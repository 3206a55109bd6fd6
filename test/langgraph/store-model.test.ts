// Whatever is done in whatever order, a RedisStore holds what InMemoryStore would.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SessionStore } from "langchain-redis-sessions";
import { RedisStore } from "langchain-redis-sessions/langgraph";
import { removeKeys } from "../sessions/support/stored-keys.js";
import { amount } from "../support/amount.js";
import { type Client, onOneRedis, topologies } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { sealing } from "./support/sealed.js";
import { StoreModel, steps } from "./support/store-model.js";

const RUNS = amount(5, 1_000);

describe.each([onOneRedis, topologies[1] ?? onOneRedis])("on $name", ({ connect }) => {
  const prefix = freshId();
  let client: Client;
  let sessions: SessionStore;
  let sealed: SessionStore;
  beforeAll(() => {
    client = connect();
    sessions = new SessionStore({ client, keyPrefix: prefix });
    sealed = new SessionStore({ client, keyPrefix: prefix, ...sealing() });
  });
  afterAll(async () => {
    await removeKeys(client, `${prefix}*`);
    await client.quit();
  });

  const kinds: Readonly<Record<string, () => RedisStore | Promise<RedisStore>>> = {
    "with partitions of two labels": () => new RedisStore({ client, keyPrefix: `${prefix}-${freshId()}` }),
    "with partitions of one label, and a ttl": () =>
      new RedisStore({ client, keyPrefix: `${prefix}-${freshId()}`, partition: 1, ttl: "1h", refreshOnRead: true }),
    "with partitions of three labels": () =>
      new RedisStore({ client, keyPrefix: `${prefix}-${freshId()}`, partition: 3 }),
    "sealed and compressed, with a ttl": () =>
      new RedisStore({ client, keyPrefix: `${prefix}-${freshId()}`, ttl: "1h", refreshOnRead: true, ...sealing() }),
    "bound to a session": async () => {
      const { session } = await sessions.create({ userId: freshId(), agentId: "a" });
      return new RedisStore({ sessions, session });
    },
    "bound to a session, sealed and compressed": async () => {
      const { session } = await sealed.create({ userId: freshId(), agentId: "a" });
      return new RedisStore({ sessions: sealed, session });
    },
  };

  test.each(Object.entries(kinds))(
    "%s, it answers as InMemoryStore does",
    async (_kind, make) => {
      const checked = fc.assert(
        fc.asyncProperty(steps, async (sequence) => {
          const store = await make();
          const model = new StoreModel();
          for (const step of sequence) {
            const [actual, expected] = await model.take(store, step);
            expect(actual, JSON.stringify(step)).toEqual(expected);
          }
          const [actual, expected] = await model.compare(store);
          expect(actual).toEqual(expected);
        }),
        { numRuns: RUNS, seed: 20_261_129 },
      );
      await expect(checked.then(() => "no difference")).resolves.toBe("no difference");
    },
    600_000,
  );
});

// Whatever is done in whatever order, a RedisStore holds what InMemoryStore would.
import type { Operation, OperationResults } from "@langchain/langgraph-checkpoint";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SessionStore } from "langchain-redis-sessions";
import { RedisStore, type RedisStoreOptions } from "langchain-redis-sessions/langgraph";
import { removeKeys } from "../sessions/support/stored-keys.js";
import { amount } from "../support/amount.js";
import { freshSeed, sameSeed } from "../support/fresh-seed.js";
import { type Client, onOneRedis, topologies } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { sealing } from "./support/sealed.js";
import { StoreModel, steps } from "./support/store-model.js";

const RUNS = amount(5, 1_000);
/** So many runs find each fault. */
const CONTROL = 99;

async function sameAsMemory(make: () => RedisStore | Promise<RedisStore>, runs: number): Promise<string> {
  await fc.assert(
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
    // What is shorter would tell no more of a control.
    { numRuns: runs, ...(runs === CONTROL ? { ...sameSeed, endOnFailure: true } : freshSeed) },
  );
  return "no difference";
}

/** Does something else than it is asked to. */
class FaultyStore extends RedisStore {
  readonly #broken: (operation: Operation) => Operation;

  constructor(options: RedisStoreOptions, broken: (operation: Operation) => Operation) {
    super(options);
    this.#broken = broken;
  }

  override batch<Op extends Operation[]>(operations: Op): Promise<OperationResults<Op>> {
    return super.batch(operations.map(this.#broken) as Op);
  }
}

const faults: readonly { readonly fault: string; readonly broken: (operation: Operation) => Operation }[] = [
  {
    fault: "filter is ignored",
    broken: (one) => ("filter" in one ? { ...one, filter: {} } : one),
  },
  {
    fault: "offset is ignored",
    broken: (one) => ("offset" in one ? { ...one, offset: 0 } : one),
  },
  {
    fault: "deletions do nothing",
    broken: (one) => ("value" in one && one.value === null ? { namespace: one.namespace, key: one.key } : one),
  },
  {
    fault: "labels with a slash are two",
    broken: (one) => ("namespace" in one ? { ...one, namespace: one.namespace.join("/").split("/") } : one),
  },
  {
    fault: "conditions on the end of a namespace are ignored",
    broken: (one) =>
      "matchConditions" in one
        ? { ...one, matchConditions: one.matchConditions?.filter(({ matchType }) => matchType === "prefix") ?? [] }
        : one,
  },
];

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
      await expect(sameAsMemory(make, RUNS)).resolves.toBe("no difference");
    },
    600_000,
  );

  test.each(faults)("the comparison fails on a store whose $fault", async ({ broken }) => {
    const make = (): RedisStore => new FaultyStore({ client, keyPrefix: `${prefix}-${freshId()}` }, broken);
    await expect(sameAsMemory(make, CONTROL)).rejects.toBeInstanceOf(Error);
  });
});

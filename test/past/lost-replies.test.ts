// P2, for the writes of turns and of the past: the server runs a write, its reply is lost, and it takes effect once.
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { SessionStore, TurnNotStoredError } from "langchain-redis-sessions";
import type { FaultyProxy } from "langchain-redis-sessions/testing";
import { Turn } from "../../src/turns/turn.js";
import { scripts as known } from "../redis/support/all-scripts.js";
import { amount } from "../support/amount.js";
import { closingIn } from "../support/closing.js";
import { type Client, clusterThrough, onOneRedis, topologies } from "../support/topologies.js";
import { said } from "./support/conversations.js";
import { damaged } from "./support/damaged.js";
import { causeOf, codeOf, ToldSettings } from "./support/outcomes.js";
import { freshId } from "../support/turns.js";
import { SessionPast } from "./support/session-past.js";

const ROUNDS = amount(3, 300);
const { single, cluster } = inject("servers");
const { keep, through } = closingIn(afterEach);
const local = "127.0.0.1";
const scripts = ["EVALSHA", "EVAL"];

const all = ["Q: one", "first", "Q: two", "second"];

/** What a write is done with: the conversation, and a store whose replies are lost. */
interface Faulty {
  readonly past: SessionPast;
  readonly store: SessionStore;
  readonly operationId: string;
  /** Loses the reply to the next write. */
  readonly lose: () => void;
}

interface Write {
  /** Does it, with its reply lost. Returns what the caller does to repeat it, if the client was told nothing. */
  readonly act: (faulty: Faulty) => Promise<() => Promise<unknown>>;
  readonly stored: readonly string[];
}

async function beginOn({ past, store, operationId }: Faulty, replaces?: string): Promise<Turn> {
  return Turn.begin(store.history(past.session), new ToldSettings(), { operationId, replaces });
}

/** Of a turn: repeats what was not stored, as its error offers. */
const retried =
  (write: Promise<unknown>): (() => Promise<unknown>) =>
  async () => {
    const error: unknown = await write.catch((reason: unknown) => reason);
    if (error === undefined) return;
    expect(error).toBeInstanceOf(TurnNotStoredError);
    expect((error as TurnNotStoredError).cause).toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate: true });
    await untilTold(() => (error as TurnNotStoredError).retry());
  };

/** Of the owner: repeats it under its operation id. */
const again =
  (call: () => Promise<unknown>): (() => Promise<unknown>) =>
  async () => {
    const error: unknown = await call().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error === undefined) return;
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate: true });
    await untilTold(call);
  };

/** Repeats it until it is answered: a Cluster client that resends nothing fails until it knows its nodes again. */
async function untilTold(call: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const error: unknown = await call().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error === undefined) return;
    if (![codeOf(error), causeOf(error)].includes("STORE_UNAVAILABLE")) throw error;
    await pause(1);
  }
}

const writes: Record<string, Write> = {
  "a part": {
    act: async (faulty) => {
      const turn = await beginOn(faulty);
      faulty.lose();
      return retried(turn.storeStep(said("Q: three")));
    },
    stored: [...all, "Q: three"],
  },
  "the last part": {
    act: async (faulty) => {
      const turn = await beginOn(faulty);
      await turn.storeStep(said("Q: three"));
      faulty.lose();
      return retried(turn.store(said("third")));
    },
    stored: [...all, "Q: three", "third"],
  },
  "the first part of a repeated request": {
    act: async (faulty) => {
      await (await beginOn(faulty)).storeStep(said("Q: three", "a step"));
      const turn = await beginOn(faulty);
      faulty.lose();
      return retried(turn.storeStep(said("Q: three")));
    },
    stored: [...all, "Q: three"],
  },
  "a turn that replaces": {
    act: async (faulty) => {
      const turn = await beginOn(faulty, await faulty.past.at("Q: two"));
      faulty.lose();
      return retried(turn.store(said("Q: edited", "new")));
    },
    stored: ["Q: one", "first", "Q: edited", "new"],
  },
  "a rewind": {
    act: async ({ past, store, operationId, lose }) => {
      const options = { before: await past.at("Q: two"), operationId };
      lose();
      return again(() => store.conversations.rewind(past.session, past.id, options));
    },
    stored: ["Q: one", "first"],
  },
  "a fork": {
    act: async ({ past, store, operationId, lose }) => {
      lose();
      return again(() => store.conversations.fork(past.session, past.id, { operationId }));
    },
    stored: all,
  },
  "an import": {
    act: async ({ past, store, operationId, lose }) => {
      const record = await past.store.conversations.export(past.session, past.id);
      const [owner, outcomes] = [{ userId: freshId() }, [] as string[]];
      lose();
      const repeat = again(async () => {
        const { outcome } = await store.conversations.import(owner, record, { operationId });
        outcomes.push(outcome);
      });
      return async () => {
        await repeat();
        expect(outcomes).toEqual(["imported"]);
        const listed = await past.store.conversations.list(owner);
        expect(listed.map(({ messageCount }) => messageCount)).toEqual([all.length]);
      };
    },
    stored: all,
  },
};

/** A client whose replies can be lost. */
interface Losing {
  readonly client: Client;
  readonly proxies: readonly FaultyProxy[];
}

const kinds = [
  {
    ...onOneRedis,
    losing: async (retries: number): Promise<Losing> => {
      const proxy = await through(single);
      const client = new Redis({ port: proxy.port, maxRetriesPerRequest: retries, retryStrategy: () => 1 });
      return { client: keep(client), proxies: [proxy] };
    },
  },
  {
    ...(topologies[1] ?? onOneRedis),
    losing: async (retries: number): Promise<Losing> => {
      const proxies = await Promise.all(cluster.map(through));
      const detours = new Map(cluster.map((node, place) => [node, { host: local, port: proxies[place]?.port ?? 0 }]));
      // Without a delay, it sends nothing again.
      const client = clusterThrough(detours, { retryDelayOnFailover: Math.min(retries, 1), maxRedirections: 100 });
      return { client: keep(client), proxies };
    },
  },
];

async function faultyOn(direct: Client, { client, proxies }: Losing, round: number): Promise<Faulty> {
  const past = await SessionPast.of(direct, [all.slice(0, 2), all.slice(2)]);
  const keyPrefix = past.keys.base.split(":")[0];
  return {
    past,
    store: new SessionStore({ client, keyPrefix }),
    operationId: `operation ${round}`,
    // Of the nodes of a Cluster, one holds the conversation.
    lose: () => proxies.forEach((proxy) => proxy.dropReplies({ command: scripts })),
  };
}

/** Returns how many replies were lost so far. */
async function lost({ proxies }: Losing): Promise<number> {
  for (const proxy of proxies) await proxy.heal();
  return proxies.reduce((sum, { faults }) => sum + faults, 0);
}

const forksOf = async ({ store, session, id }: SessionPast): Promise<number> =>
  (await store.conversations.list(session)).filter(({ forkedFrom }) => forkedFrom === id).length;

/** Does a write whose reply is lost, and checks that it took effect once. */
async function checkOnce(name: string, { act, stored }: Write, faulty: Faulty): Promise<void> {
  const repeat = await act(faulty);
  await repeat();
  expect(await faulty.past.stored()).toEqual(stored);
  expect(await forksOf(faulty.past)).toBe(name === "a fork" ? 1 : 0);
}

describe.each(kinds)("on $name", ({ connect, losing }) => {
  let direct: Client;
  // The servers know the scripts from then on: what gets lost is a reply, not NOSCRIPT.
  beforeAll(async () => {
    direct = connect();
    const nodes = direct instanceof Redis ? [direct] : cluster.map((node) => new Redis({ ...node }));
    await Promise.all(nodes.flatMap((node) => known.map(({ lua }) => node.script("LOAD", lua))));
    for (const node of nodes) if (node !== direct) node.disconnect();
  });
  afterAll(async () => {
    await direct.quit();
  });

  describe.each([
    { who: "the client resends it", retries: 20 },
    { who: "the caller repeats it", retries: 0 },
  ])("its reply is lost, and $who:", ({ retries }) => {
    test.each(Object.entries(writes))("%s takes effect once", async (name, write) => {
      const faulty = await losing(retries);
      for (let round = 0; round < ROUNDS; round++) {
        await checkOnce(name, write, await faultyOn(direct, faulty, round));
        expect(await lost(faulty)).toBeGreaterThan(round);
      }
    });

    test("what an interruption keeps is there once, and gives way to the repeated request", async () => {
      const losingOne = await losing(retries);
      for (let round = 0; round < ROUNDS; round++) {
        const faulty = await faultyOn(direct, losingOne, round);
        const settings = new ToldSettings();
        const call = { operationId: faulty.operationId };
        const turn = await Turn.begin(faulty.store.history(faulty.past.session), settings, call);
        await turn.storeStep(said("Q: three"));
        faulty.lose();
        await turn.interrupt(said("part").messages);
        expect(await lost(losingOne)).toBeGreaterThan(round);
        expect(settings.told).toHaveLength(retries === 0 ? 1 : 0);
        for (const error of settings.told) await untilTold(() => (error as TurnNotStoredError).retry());
        expect(await faulty.past.stored()).toEqual([...all, "Q: three", "part"]);
        const next = await beginOn(faulty);
        await next.store(said("Q: three", "third"));
        expect(await faulty.past.stored()).toEqual([...all, "Q: three", "third"]);
      }
    });

    test.each(Object.entries(writes))(
      "the control: %s does not, once no script knows what it did",
      async (name, write) => {
        const { client, proxies } = await losing(retries);
        const forgetful = damaged(client, 'local stored = redis.call("GET", operation)', "local stored");
        const faulty = await faultyOn(direct, { client: forgetful, proxies }, 0);
        const failure: unknown = await checkOnce(name, write, faulty).catch((reason: unknown) => reason);
        expect(failure).toBeInstanceOf(Error);
        expect([codeOf(failure), causeOf(failure)]).not.toContain("STORE_UNAVAILABLE");
      },
    );
  });
});

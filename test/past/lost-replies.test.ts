// P2, for the writes of turns and of the past: the server runs a write, its reply is lost, and it takes effect once.
import { Redis } from "ioredis";
import { afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { SessionStore, TurnNotStoredError } from "langchain-redis-sessions";
import type { FaultyProxy } from "langchain-redis-sessions/testing";
import { Turn } from "../../src/turns/turn.js";
import { amount } from "../support/amount.js";
import { closingIn } from "../support/closing.js";
import { client as direct } from "../support/session-store.js";
import { said } from "./support/conversations.js";
import { ToldSettings } from "./support/outcomes.js";
import { freshId } from "../support/turns.js";
import { SessionPast } from "./support/session-past.js";

const ROUNDS = amount(3, 300);
const { single } = inject("servers");
const { keep, through } = closingIn(afterEach);
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
    await (error as TurnNotStoredError).retry();
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
    await call();
  };

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

async function faultyOn(proxy: FaultyProxy, round: number, maxRetriesPerRequest: number): Promise<Faulty> {
  const past = await SessionPast.of(direct, [all.slice(0, 2), all.slice(2)]);
  const client = keep(new Redis({ port: proxy.port, maxRetriesPerRequest, retryStrategy: () => 1 }));
  await client.ping();
  const keyPrefix = past.keys.base.split(":")[0];
  return {
    past,
    store: new SessionStore({ client, keyPrefix }),
    operationId: `operation ${round}`,
    lose: () => proxy.dropReplies({ command: scripts }),
  };
}

const forksOf = async ({ store, session, id }: SessionPast): Promise<number> =>
  (await store.conversations.list(session)).filter(({ forkedFrom }) => forkedFrom === id).length;

// The server knows the scripts from then on: what gets lost is a reply, not NOSCRIPT.
beforeAll(async () => {
  for (const { act } of Object.values(writes)) {
    const past = await SessionPast.of(direct, [all.slice(0, 2), all.slice(2)]);
    await (
      await act({ past, store: past.store, operationId: "known", lose: () => {} })
    )();
  }
});

describe.each([
  { who: "the client resends it", retries: 20 },
  { who: "the caller repeats it", retries: 0 },
])("its reply is lost, and $who:", ({ retries }) => {
  test.each(Object.entries(writes))("%s takes effect once", async (name, { act, stored }) => {
    const proxy = await through(single);
    for (let round = 0; round < ROUNDS; round++) {
      const faulty = await faultyOn(proxy, round, retries);
      const repeat = await act(faulty);
      await repeat();
      expect(proxy.faults).toBe(round + 1);
      expect(await faulty.past.stored()).toEqual(stored);
      expect(await forksOf(faulty.past)).toBe(name === "a fork" ? 1 : 0);
    }
  });

  test("what an interruption keeps is there once, and gives way to the repeated request", async () => {
    const proxy = await through(single);
    for (let round = 0; round < ROUNDS; round++) {
      const faulty = await faultyOn(proxy, round, retries);
      const settings = new ToldSettings();
      const call = { operationId: faulty.operationId };
      const turn = await Turn.begin(faulty.store.history(faulty.past.session), settings, call);
      await turn.storeStep(said("Q: three"));
      faulty.lose();
      await turn.interrupt(said("part").messages);
      expect(settings.told).toHaveLength(retries === 0 ? 1 : 0);
      for (const error of settings.told) await (error as TurnNotStoredError).retry();
      expect(await faulty.past.stored()).toEqual([...all, "Q: three", "part"]);
      const next = await beginOn(faulty);
      await next.store(said("Q: three", "third"));
      expect(await faulty.past.stored()).toEqual([...all, "Q: three", "third"]);
    }
  });
});

// P2 with P14: the server runs a script of an answer, its reply is lost, and it takes effect once.
import { AIMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { type Answer, SessionStore, type TurnNotStoredError } from "langchain-redis-sessions";
import type { FaultyProxy } from "langchain-redis-sessions/testing";
import { amount } from "../support/amount.js";
import { closingIn } from "../support/closing.js";
import { client } from "../support/session-store.js";
import { Answering, heard, reason } from "./support/answering.js";

const ROUNDS = amount(3, 200);
const { single } = inject("servers");
const { keep, through, closing } = closingIn(afterEach);

interface Faulty {
  readonly user: Answering;
  readonly store: SessionStore;
  readonly lose: () => void;
}

async function faultyOn(proxy: FaultyProxy, maxRetriesPerRequest: number): Promise<Faulty> {
  const user = await Answering.on(client);
  const faulty = keep(new Redis({ port: proxy.port, maxRetriesPerRequest, retryStrategy: () => 1 }));
  await faulty.ping();
  const store = new SessionStore({ client: faulty, keyPrefix: user.keyPrefix });
  closing.push(
    () => user.close(),
    () => store.close(),
  );
  return { user, store, lose: () => proxy.dropReplies({ command: ["EVALSHA", "EVAL"] }) };
}

const begin = ({ store, user }: Faulty, operationId = "one", input = "Hi", more = {}): Promise<Answer> =>
  store.answers(user.session).begin({ operationId, input, ...more });
/** Repeats it, as a caller does that was told nothing. */
async function again<Value>(call: () => Promise<Value>): Promise<Value> {
  return call().catch(async (error: unknown) => {
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE" });
    return call();
  });
}
const stored = async (answer: Answer): Promise<void> => {
  const error = await reason(answer.store([new AIMessage("Hello")]));
  if (error !== undefined) await (error as TurnNotStoredError).retry();
};

type Step = (faulty: Faulty) => Promise<void>;
const steps: Record<string, { readonly act: Step; readonly kept: readonly string[]; readonly end: unknown }> = {
  "the store": {
    act: async (faulty) => {
      const answer = await begin(faulty);
      faulty.lose();
      await stored(answer);
      await answer.close();
    },
    kept: ["human: Hi", "ai: Hello"],
    end: { end: "stored" },
  },
  "close()": {
    act: async (faulty) => {
      const answer = await begin(faulty);
      faulty.lose();
      await answer.close();
    },
    kept: ["human: Hi"],
    end: { end: "interrupted" },
  },
  "stop()": {
    act: async (faulty) => {
      const answer = await begin(faulty);
      faulty.lose();
      expect(await again(() => faulty.store.answers(faulty.user.session).stop())).toBe(true);
      await answer.close();
    },
    kept: ["human: Hi"],
    end: { end: "stopped" },
  },
  "current()": {
    act: async (faulty) => {
      const answer = await begin(faulty);
      faulty.lose();
      expect(await again(() => faulty.store.answers(faulty.user.session).current())).toMatchObject({
        state: "running",
      });
      await answer.close();
    },
    kept: ["human: Hi"],
    end: { end: "interrupted" },
  },
};

// The server knows the scripts from then on: what gets lost is a reply, not NOSCRIPT.
beforeAll(async () => {
  for (const { act } of Object.values(steps)) {
    const fresh = await Answering.on(client);
    await act({ user: fresh, store: fresh.store, lose: () => {} });
    await fresh.close();
  }
});

describe.each([
  { who: "the client resends it", retries: 20 },
  { who: "the caller repeats it", retries: 0 },
])("its reply is lost, and $who:", ({ retries }) => {
  test.each(Object.entries(steps))("%s takes effect once", async (_, { act, kept, end }) => {
    const proxy = await through(single);
    for (let round = 0; round < ROUNDS; round++) {
      const faulty = await faultyOn(proxy, retries);
      await act(faulty);
      expect(proxy.faults).toBeGreaterThan(round);
      expect(await faulty.user.stored()).toEqual(kept);
      expect((await heard(faulty.user.answers)).at(-1)).toEqual(end);
      expect(await client.exists(faulty.user.keys.turns(faulty.user.id).lease)).toBe(0);
    }
  });
});

test("begin whose reply is lost, and which the client resends, begins once", async () => {
  const proxy = await through(single);
  for (let round = 0; round < ROUNDS; round++) {
    const faulty = await faultyOn(proxy, 20);
    faulty.lose();
    const answer = await begin(faulty);
    answer.send("one");
    await stored(answer);
    await answer.close();
    expect(await faulty.user.stored()).toEqual(["human: Hi", "ai: Hello"]);
    expect(await heard(faulty.user.answers)).toEqual(["one", { end: "stored" }]);
  }
});

test("begin that is told nothing gives the conversation back; a repeated request asks once", async () => {
  const proxy = await through(single);
  for (let round = 0; round < ROUNDS; round++) {
    const faulty = await faultyOn(proxy, 0);
    faulty.lose();
    expect(await reason(begin(faulty))).toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate: true });
    await expect.poll(() => client.exists(faulty.user.keys.turns(faulty.user.id).lease), { timeout: 5_000 }).toBe(0);
    const answer = await begin(faulty);
    await stored(answer);
    await answer.close();
    expect(await faulty.user.stored()).toEqual(["human: Hi", "ai: Hello"]);
  }
});

test("begin that supersedes, with replies lost at each try, stops the other one and begins once", async () => {
  const proxy = await through(single);
  for (let round = 0; round < ROUNDS; round++) {
    const faulty = await faultyOn(proxy, 20);
    const answer = await faulty.user.begin();
    answer.signal.addEventListener("abort", () => void answer.close());
    proxy.dropReplies({ command: ["EVALSHA", "EVAL"], count: 3 });
    const next = await begin(faulty, "two", "Else", { supersede: true });
    await proxy.heal();
    await next.store([new AIMessage("Fine")]);
    await next.close();
    expect(await faulty.user.stored()).toEqual(["human: Hi", "human: Else", "ai: Fine"]);
  }
});

test("begin that too few replicas have gives the conversation back; a repeated request asks once", async () => {
  const user = await Answering.on(client);
  const store = new SessionStore({ client, keyPrefix: user.keyPrefix, wait: { replicas: 1, timeout: 0.05 } });
  closing.push(
    () => user.close(),
    () => store.close(),
  );
  const answers = store.answers(user.session);
  expect(await reason(answers.begin({ operationId: "one", input: "Hi" }))).toMatchObject({ code: "NOT_REPLICATED" });
  // Long before its lease of 30 s is over.
  await expect.poll(() => client.exists(user.keys.turns(user.id).lease), { timeout: 5_000 }).toBe(0);
  expect(await user.answers.current()).toMatchObject({ operationId: "one", state: "interrupted" });
  const answer = await user.begin();
  await stored(answer);
  await answer.close();
  expect(await user.stored()).toEqual(["human: Hi", "ai: Hello"]);
});

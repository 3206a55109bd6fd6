// Whatever is done in whatever order, sessions and conversations are what a model of them says; and nothing stays.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SessionStore } from "langchain-redis-sessions";
import { type Client, onOneRedis, topologies } from "../support/topologies.js";
import { freshId, turn } from "../support/turns.js";
import { amount } from "../support/amount.js";
import { LIMIT, MAX_MESSAGES, SessionModel, steps } from "./support/session-model.js";
import { removeKeys } from "./support/stored-keys.js";

const sequences = amount(20, 500);
const COMPARE_EVERY = 3;

const step = fc.record({
  what: fc.constantFrom(...steps),
  a: fc.nat(1_000),
  b: fc.nat(1_000),
  again: fc.boolean(),
});

/** What the sequences must have met, or they prove little. */
const everywhere = [
  ...["append", "verify", "update", "rotate", "clear", "read", "open", "appendInFlight"].flatMap((what) => [
    `${what}: ok`,
    `${what}: SESSION_NOT_FOUND`,
  ]),
  ...["open", "continue", "delete", "rename"].map((what) => `${what}: CONVERSATION_NOT_FOUND`),
  "appendInFlight: CONVERSATION_CHANGED",
];

describe.each([onOneRedis, topologies[1] ?? onOneRedis])("sessions on $name", ({ connect }) => {
  const keyPrefix = freshId();
  let client: Client;
  beforeAll(() => {
    client = connect();
  });
  afterAll(async () => {
    await client.quit();
  });

  test(`${sequences} random sequences of calls do what a model of them does, and leave nothing behind`, async () => {
    const store = new SessionStore({ client, keyPrefix, maxSessionsPerUser: LIMIT, maxMessages: MAX_MESSAGES });
    const outcomes = new Set<string>();
    const sequence = fc.array(step, { minLength: 10, maxLength: 40, size: "max" });
    const checked = fc.assert(
      fc.asyncProperty(sequence, fc.constantFrom("in their grace", "gone"), async (taken, records) => {
        const model = new SessionModel(client, store, keyPrefix);
        for (const [place, one] of taken.entries()) {
          await model.take(one);
          await model.everyKeyExpires();
          if (place % COMPARE_EVERY === 0) await model.compare();
        }
        await model.compare();
        await model.expireAll(records);
        await model.nothingIsLeft();
        for (const outcome of model.outcomes) outcomes.add(outcome);
        await removeKeys(client, `${keyPrefix}:*`);
      }),
      { numRuns: sequences, seed: 20_261_121 },
    );
    await expect(checked).resolves.toBeUndefined();
    expect(everywhere.filter((outcome) => !outcomes.has(outcome))).toEqual([]);
  }, 900_000);

  test("conversations that are active in the same millisecond are paged in order, and none is left out", async () => {
    const store = new SessionStore({ client, keyPrefix });
    const missing: number[] = [];
    for (let round = 0; round < 50; round++) {
      const user = { userId: freshId(), agentId: "support" };
      const [one, other] = [await store.create(user), await store.create(user)].map(({ session }) => session);
      if (!one || !other) break;
      const [first, second] = [store.history(one), store.history(other)];
      // Sent at once, on one connection: Redis gets through all of them within a millisecond, most of the time.
      await Promise.all([first, second, second].map((history) => history.addMessages(turn(String(round)))));
      const [latest] = await store.conversations.list(user, { limit: 1 });
      const rest = await store.conversations.list(user, latest ? { before: latest } : {});
      if (latest?.id !== other.conversationId || rest.length !== 1) missing.push(round);
    }
    await removeKeys(client, `${keyPrefix}:*`);
    expect(missing).toEqual([]);
  });
});

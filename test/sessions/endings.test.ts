// P5: what ended stays ended, whatever is under way when it ends.
import { describe, expect, test } from "vitest";
import { type Client, onOneRedis, topologies } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { amount } from "../support/amount.js";
import { type Append, interleave, throughTheLibrary, withoutChecks } from "./support/interleaving.js";
import { seeded } from "./support/seeded.js";
import { lifetimes, removeKeys, storedKeys } from "./support/stored-keys.js";

const interleavings = amount(100, 5_000);
const AT_ONCE = 25;
const SEED = 20_261_121;

interface Summary {
  readonly problems: string[];
  readonly outcomes: ReadonlyMap<string, number>;
}

describe.each([onOneRedis, topologies[1] ?? onOneRedis])("endings on $name", ({ connect }) => {
  async function run(howMany: number, append: Append): Promise<Summary> {
    const clients: Client[] = Array.from({ length: 4 }, () => connect());
    const keyPrefix = freshId();
    const problems: string[] = [];
    const outcomes = new Map<string, number>();
    try {
      for (let from = 0; from < howMany; from += AT_ONCE) {
        const seeds = Array.from({ length: Math.min(AT_ONCE, howMany - from) }, (_, place) => SEED + from + place);
        const done = await Promise.all(
          seeds.map((seed) =>
            interleave({ clients, keyPrefix, append }, seeded(seed)).then((one) => ({ seed, ...one })),
          ),
        );
        for (const { seed, ...one } of done) {
          problems.push(...one.problems.map((problem) => `seed ${seed}: ${problem}`));
          for (const outcome of one.outcomes) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
        const [client] = clients;
        if (!client) break;
        const keys = await storedKeys(client, `${keyPrefix}:*`);
        const left = await lifetimes(client, keys);
        problems.push(...keys.filter((_, place) => left[place] === -1).map((key) => `${key} has no expiry`));
        await removeKeys(client, `${keyPrefix}:*`);
      }
    } finally {
      await Promise.all(clients.map((client) => client.quit()));
    }
    return { problems, outcomes };
  }

  test(`${interleavings} interleavings of an ending with turns and calls in flight: nothing that ended comes back`, async () => {
    const { problems, outcomes } = await run(interleavings, throughTheLibrary);
    expect(problems).toEqual([]);
    // They did interleave: each call came before an ending and after one, many times.
    for (const name of ["append", "verify", "update", "openConversation"]) {
      expect(outcomes.get(`${name}: ok`), name).toBeGreaterThan(interleavings / 20);
      expect(outcomes.get(`${name}: SESSION_NOT_FOUND`), name).toBeGreaterThan(interleavings / 20);
    }
    expect(outcomes.get("append: CONVERSATION_CHANGED")).toBeGreaterThan(interleavings / 20);
    for (const name of ["end", "endById", "endAll", "evict", "eraseUser", "clear", "conversations.delete"]) {
      expect(outcomes.get(`${name}: ok`), name).toBeGreaterThan(interleavings / 20);
    }
  }, 900_000);

  test("control: with an append that does not check, sessions and conversations come back", async () => {
    const { problems } = await run(50, withoutChecks);
    expect(problems.some((problem) => problem.includes("left a record for"))).toBe(true);
    expect(problems.some((problem) => problem.includes("was acknowledged before this append began"))).toBe(true);
    expect(problems.some((problem) => problem.includes("was written back"))).toBe(true);
    expect(problems.some((problem) => problem.includes("an erased user has messages"))).toBe(true);
  });
});

import fc from "fast-check";
import { removeKeys } from "../../sessions/support/stored-keys.js";
import { freshSeed } from "../../support/fresh-seed.js";
import type { Client } from "../../support/topologies.js";
import { freshId } from "../../support/turns.js";
import { PastDriver } from "./past-driver.js";
import { stepsOfHistories, stepsOfSessions } from "./past-steps.js";
import { ofAHistory, ofASession } from "./places.js";

/** How many operations a sequence has. */
export const LENGTH = 50;

const kinds = {
  "a session's conversation": { make: ofASession, steps: stepsOfSessions },
  "a history": { make: ofAHistory, steps: stepsOfHistories },
} as const;

export type Kind = keyof typeof kinds;

/**
 * Does random operations, sequence after sequence, and returns what they met.
 *
 * @param seeded by default with another seed in each run.
 *
 * @throws Error for the first difference between Redis and the model.
 */
export async function runSequences(
  client: Client,
  kind: Kind,
  sequences: number,
  seeded: { readonly seed: number } = freshSeed,
): Promise<ReadonlySet<string>> {
  const { make, steps } = kinds[kind];
  const met = new Set<string>();
  const step = fc.record({ what: fc.constantFrom(...steps), a: fc.nat(1_000), b: fc.nat(1_000) });
  const sequence = fc.array(step, { minLength: LENGTH, maxLength: LENGTH, size: "max" });
  await fc.assert(
    fc.asyncProperty(sequence, fc.constantFrom(0, 0, 3, 8), async (taken, maxMessages) => {
      const options = { keyPrefix: freshId(), maxMessages };
      try {
        const driver = new PastDriver(client, options, await make(client, options));
        for (const one of taken) {
          await driver.take(one);
          await driver.compare();
        }
        for (const outcome of driver.outcomes) met.add(outcome);
      } finally {
        await removeKeys(client, `${options.keyPrefix}:*`);
      }
    }),
    // One that fails is not made smaller: each try would take as long.
    { numRuns: sequences, ...seeded, endOnFailure: true },
  );
  return met;
}

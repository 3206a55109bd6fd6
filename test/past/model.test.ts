// Whatever is done in whatever order, the past of a conversation is what a model of it says: an array, and a few notes.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { amount } from "../support/amount.js";
import { type Client, onOneRedis, topologies } from "../support/topologies.js";
import { type Kind, LENGTH, runSequences } from "./support/random-past.js";

/** What the sequences must have met, or they prove little. */
const met: Readonly<Record<string, readonly string[]>> = {
  begin: ["ok", "OPERATION_CONFLICT"],
  part: ["ok", "dropped", "CONVERSATION_CHANGED"],
  finish: ["ok", "OPERATION_CONFLICT", "CONVERSATION_CHANGED"],
  finishWithNothing: ["ok"],
  keep: ["ok", "dropped", "CONVERSATION_CHANGED"],
  discard: ["ok", "dropped"],
  resume: ["ok"],
};
const everywhere = ["ok", "INVALID_OPTION", "POSITION_NOT_FOUND"];
const metBySessions: typeof met = {
  ...met,
  begin: [...everywhere, "OPERATION_CONFLICT"],
  rewind: [...everywhere, "CONVERSATION_NOT_FOUND"],
  fork: [...everywhere, "CONVERSATION_NOT_FOUND"],
};

/** As many as meet all of that. */
const KNOWN = 20;

// Together 5,000 operations, or 200,000.
describe.each<{ name: string; connect: () => Client; kind: Kind; sequences: number }>([
  { ...onOneRedis, kind: "a session's conversation", sequences: amount(20, 1_580) },
  { ...(topologies[1] ?? onOneRedis), kind: "a session's conversation", sequences: amount(10, 1_180) },
  { ...onOneRedis, kind: "a history", sequences: amount(10, 1_180) },
])("$kind on $name", ({ connect, kind, sequences }) => {
  let client: Client;
  beforeAll(() => {
    client = connect();
  });
  afterAll(async () => {
    await client.quit();
  });

  test(`${KNOWN} × ${LENGTH} random operations, the same in each run, meet every outcome`, async () => {
    const outcomes = await runSequences(client, kind, KNOWN, { seed: 22 });
    const expected = Object.entries(kind === "a history" ? met : metBySessions).flatMap(([what, codes]) =>
      codes.map((code) => `${what}: ${code}`),
    );
    expect(expected.filter((outcome) => !outcomes.has(outcome))).toEqual([]);
  });

  test(`${sequences} × ${LENGTH} random operations leave what a model says`, async () => {
    await expect(runSequences(client, kind, sequences)).resolves.toBeDefined();
  }, 3_600_000);
});

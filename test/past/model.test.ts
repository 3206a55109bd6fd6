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

// Together 5,000 operations, or 200,000.
describe.each<{ name: string; connect: () => Client; kind: Kind; sequences: number }>([
  { ...onOneRedis, kind: "a session's conversation", sequences: amount(40, 1_600) },
  { ...(topologies[1] ?? onOneRedis), kind: "a session's conversation", sequences: amount(30, 1_200) },
  { ...onOneRedis, kind: "a history", sequences: amount(30, 1_200) },
])("$kind on $name", ({ connect, kind, sequences }) => {
  let client: Client;
  beforeAll(() => {
    client = connect();
  });
  afterAll(async () => {
    await client.quit();
  });

  test(`${sequences} × ${LENGTH} random operations leave what a model says`, async () => {
    const outcomes = await runSequences(client, kind, sequences);
    const expected = Object.entries(kind === "a history" ? met : metBySessions).flatMap(([what, codes]) =>
      codes.map((code) => `${what}: ${code}`),
    );
    expect(expected.filter((outcome) => !outcomes.has(outcome))).toEqual([]);
  }, 3_600_000);
});

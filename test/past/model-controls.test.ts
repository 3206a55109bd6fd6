// Controls of model.test.ts: each fault in a script is found by the model.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Client, onOneRedis } from "../support/topologies.js";
import { amount } from "../support/amount.js";
import { sameSeed } from "../support/fresh-seed.js";
import { damaged } from "./support/damaged.js";
import { type Kind, runSequences } from "./support/random-past.js";

/** As many as find each fault. */
const SEQUENCES = 4_000;

let client: Client;
beforeAll(() => {
  client = onOneRedis.connect();
});
afterAll(async () => {
  await client.quit();
});

type Fault = readonly [what: string, code: string, replacement: string];

const endsNote = "elseif found and not isOwn and length > 0 and found.parts > 0 then";
const faults: readonly Fault[] = [
  ["an append leaves the note of parts that are no longer the last", endsNote, "elseif false then"],
  ["a run goes on that a later one has replaced", "elseif turn.written then", "elseif false then"],
  ["a repeated turn leaves its earlier parts", "return found.parts, 0", "return 0, 0"],
  [
    "what an interruption kept stays",
    "return found.provisional, found.parts - found.provisional",
    "return 0, found.parts",
  ],
  ["a run that discards leaves its parts", "return found.parts - stay, stay", "return 0, found.parts"],
  ["the newest finished turn is not compared", "finished == turn.id or", ""],
  ["a late part of a stored turn is stored", 'turnOperation and redis.call("EXISTS", turnOperation) == 1', "false"],
];
const faultsOfSessions: readonly Fault[] = [
  ["a cut begins no era", "  beginEra(conversation, places, index)\n  if index == 0", "  if index == 0"],
  ["a new list begins no era", "  beginEra(held.conversation, here, 0)", ""],
  ["what the cap removes is not counted", 'redis.call("HINCRBY", held.conversation, "first", whole(trimmed))', ""],
  ["the end of the conversation is not compared", "or positionAt(here, here.length) ~= behind", ""],
  ["an edit begins no generation", 'redis.call("HSET", conversation, "generation", begun)', ""],
  [
    "a rewind begins no generation",
    '\n  redis.call("HSET", conversation, "generation", generation)\n  redis',
    "\n  redis",
  ],
];
/** A command that a fork runs beside its own. */
const alsoRuns = (command: string): [code: string, replacement: string] => {
  const firstWrite = 'redis.call("HSET", fork, "agentId"';
  return [firstWrite, `${command}\n${firstWrite}`];
};
const faultsOfForks: readonly Fault[] = [
  ["a fork holds a message too many", "math.min(from + step, length) - 1", "math.min(from + step, length)"],
  ["a fork lacks the first message", "from, step = {}, 0, 0, 1", "from, step = {}, 0, 1, 1"],
  ["a fork takes the messages away", ...alsoRuns('redis.call("UNLINK", messages)')],
  ["a fork begins a generation", ...alsoRuns('redis.call("HSET", conversation, "generation", "1")')],
  [
    "a fork has an unfinished turn",
    ...alsoRuns('redis.call("HSET", fork, "unfinished", redis.call("HGET", conversation, "unfinished") or "")'),
  ],
  ["a fork has the positions of its original", 'beginEra(fork, { first = 0, eras = "", length = 0 }, 0)', ""],
  ["a fork has no origin", '"forkedFrom", conversationId', '"forkedFrom", forkId'],
  [
    "a fork ends at a position that is gone",
    "length = indexOf(here, position)",
    "length = indexOf(here, position) or 0",
  ],
  [
    "a fork ends in front of an answer",
    'elseif not isQuestion(redis.call("LRANGE", messages, length, length)[1]) then',
    "elseif false then",
  ],
  [
    "a fork of nothing is made",
    'elseif length == 0 then\n    return { "nothing-before"',
    'elseif false then\n    return { "nothing-before"',
  ],
  ["an empty conversation is forked", "if here.length == 0 or not held[1] or", "if not held[1] or"],
  [
    "a repeated fork is another one",
    'if before then\n  if before[1] ~= "repeated" then',
    'if false then\n  if before[1] ~= "repeated" then',
  ],
  // Seldom met.
  ["a fork ends the unfinished turn", ...alsoRuns('redis.call("HDEL", conversation, "unfinished")')],
  [
    "a fork has the newest finished turn",
    ...alsoRuns('redis.call("HSET", fork, "finished", redis.call("HGET", conversation, "finished") or "")'),
  ],
];

const each = (kind: Kind, ...these: readonly Fault[]) =>
  these.map(([what, code, replacement]) => ({ kind, what, code, replacement }));

/** Those that are found within a second; in `npm run test:long` all. */
const controls = [
  ...each("a history", ...faults.slice(2, 5)),
  ...each(
    "a session's conversation",
    ...faults.slice(4, 5),
    ...faultsOfSessions.slice(0, 3),
    ...faultsOfForks.slice(0, -2),
  ),
];
const all = [
  ...each("a history", ...faults),
  ...each("a session's conversation", ...faults, ...faultsOfSessions, ...faultsOfForks),
];

test.each(all.slice(0, amount(0, all.length)).concat(controls.slice(0, amount(controls.length, 0))))(
  "in $kind, the model finds that $what",
  async ({ kind, code, replacement }) => {
    await expect(runSequences(damaged(client, code, replacement), kind, SEQUENCES, sameSeed)).rejects.toThrow(
      "Property failed",
    );
  },
  amount(30_000, 900_000),
);

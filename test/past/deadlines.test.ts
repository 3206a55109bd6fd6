// The notes of a history on its own, in its `meta`: how long they stay.
import { expect, test } from "vitest";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { historyKeys } from "../../src/redis/keys.js";
import { Turn } from "../../src/turns/turn.js";
import { client } from "../support/session-store.js";
import { freshId } from "../support/turns.js";
import { said } from "./support/conversations.js";
import { ToldSettings } from "./support/outcomes.js";

const HOUR = 3_600_000;
const DAY = 86_400_000;

const setUp = (ttl: number | "never") => {
  const sessionId = freshId();
  const { messages, meta } = historyKeys("chat", sessionId);
  const open = (seconds = ttl): RedisChatMessageHistory =>
    new RedisChatMessageHistory({ client, sessionId, ttl: seconds });
  return {
    open,
    begin: (seconds = ttl): Promise<Turn> => Turn.begin(open(seconds), new ToldSettings(), { operationId: "one" }),
    /** When they expire; -1 is never. */
    deadlines: () => Promise.all([client.pexpiretime(messages), client.pexpiretime(meta)]),
    meta,
  };
};

/** Redis 7.0 reads the clock for each PEXPIRE of a script, so the second may be later by a moment; never earlier. */
const expectTogether = (messages: number, meta: number): void => {
  expect(meta).toBeGreaterThanOrEqual(messages);
  expect(meta - messages).toBeLessThan(1_000);
};

test.each(["unfinished", "finished"])("the note of a turn that is %s lasts as long as the messages", async (how) => {
  const { begin, deadlines } = setUp(3_600);
  const turn = await begin();
  if (how === "unfinished") await turn.storeStep(said("Q: Hi"));
  else await turn.store(said("Q: Hi", "answer"));
  const [messages, meta] = await deadlines();
  expect(messages).toBeGreaterThan(Date.now());
  expectTogether(messages, meta);
});

test("it never makes the mark of a clear shorter", async () => {
  const { open, begin, deadlines } = setUp(3_600);
  await open().clear();
  await (await begin()).storeStep(said("Q: Hi"));
  const [messages, meta] = await deadlines();
  expect(meta - messages).toBeGreaterThan(22 * HOUR);
});

test("it makes the mark of a clear last as long as the messages, when that is longer", async () => {
  const { open, begin, deadlines } = setUp((30 * DAY) / 1_000);
  await open().clear();
  await (await begin()).store(said("Q: Hi", "answer"));
  const [messages, meta] = await deadlines();
  expectTogether(messages, meta);
  expect(meta - Date.now()).toBeGreaterThan(29 * DAY);
});

test("without an expiry of the messages it has none, and a history with one gives it one again", async () => {
  const { open, begin, deadlines } = setUp("never");
  await open().clear();
  await (await begin()).storeStep(said("Q: Hi"));
  expect(await deadlines()).toEqual([-1, -1]);
  await (await begin(3_600)).store(said("Q: Hi", "answer"));
  const [messages, meta] = await deadlines();
  expect(messages).toBeGreaterThan(Date.now());
  expectTogether(messages, meta);
});

test("a turn that nobody can repeat, and that is stored whole, leaves none", async () => {
  const { open, meta } = setUp(3_600);
  await open().addMessages(said("Q: Hi", "answer").messages());
  const turn = await Turn.begin(open(), new ToldSettings(), {});
  await turn.store(said("Q: again", "answer"));
  expect(await client.exists(meta)).toBe(0);
  const interrupted = await Turn.begin(open(), new ToldSettings(), {});
  await interrupted.storeStep(said("Q: third"));
  expect(await client.exists(meta)).toBe(1);
  await interrupted.store(said("answer"));
  expect(await client.exists(meta)).toBe(0);
});

// What whoever runs turns is told of its options, as it is made.
import { afterAll, expect, test } from "vitest";
import { InvalidOptionError, RedisChatMessageHistory, SessionStore, type TurnOptions } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { onOneRedis } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { heardWarnings } from "../support/warnings.js";
import { take } from "../chat-history/support/leased-conversations.js";

const client = onOneRedis.connect();
afterAll(() => client.quit());

const open = (): RedisChatMessageHistory => new RedisChatMessageHistory({ client, sessionId: freshId() });
const chainOf = (options: TurnOptions) =>
  new RunnableWithSession({ runnable: () => "yes", getMessageHistory: open, ...options });
const agentOf = (options: TurnOptions) => sessionMiddleware({ sessions: new SessionStore({ client }), ...options });

const DAY = 86_400;

test.each<[option: keyof TurnOptions, options: TurnOptions]>([
  ["lease", { lease: "25h" }],
  ["lease", { lease: DAY + 1 }],
  ["lease", { lease: "75d" }],
  ["waitFor", { waitFor: "25h" }],
  ["waitFor", { waitFor: 60_000 * 60 }],
])("a %s of more than a day is refused with advice: %o", (option, options) => {
  for (const make of [chainOf, agentOf]) {
    expect(() => make(options)).toThrow(InvalidOptionError);
    expect(() => make(options)).toThrow(expect.objectContaining({ option, code: "INVALID_OPTION" }));
    expect(() => make(options)).toThrow(/at most "1d"; a number means seconds/);
  }
});

test("the longest lease and wait overflow no timer", async () => {
  const overflown = watchOverflows();
  const chain = chainOf({ concurrency: "wait", lease: "1d", waitFor: "1d" });
  expect(await chain.invoke("Hi", { configurable: { sessionId: "any" } })).toBe("yes");
  expect(await overflown()).toBe(false);
});

test("control: a lease of 75 days overflows the timer that renews it, which fires at once, again and again", async () => {
  const overflown = watchOverflows();
  const held = await take(open(), { leaseMilliseconds: 75 * DAY * 1_000 });
  expect(await overflown()).toBe(true);
  await held.release();
});

/** Node warns of a timer that it cannot set, and sets one of a millisecond. */
function watchOverflows(): () => Promise<boolean> {
  const warnings = heardWarnings();
  return async () => {
    // A warning is told after what runs at the moment.
    await new Promise(setImmediate);
    return warnings.some(({ name }) => name === "TimeoutOverflowWarning");
  };
}

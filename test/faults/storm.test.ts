// Scripts are forgotten and connections killed, over and over, while turns are appended.
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { startRedis } from "langchain-redis-sessions/testing";
import { freshId } from "../support/turns.js";
import { libraryClients } from "./support/library-clients.js";
import { amount, choicesFor, progress, report, whole } from "./support/run.js";
import { TurnHistory, violations } from "./support/turn-history.js";
import { appendOnce, pushNaively } from "./support/writers.js";

const APPENDS = amount(960, 100_000);
const WRITERS = 32;
const choices = choicesFor("storm");

test.each(libraryClients)("every turn is stored whole and once by $by; control: plain pushes are not", async (kind) => {
  await using redis = await startRedis();
  const connections = Array.from({ length: 8 }, () => kind.connect(redis, 1));
  const admin = new Redis(redis.url);
  const pushing = new Redis(redis.url, { maxRetriesPerRequest: 20, retryStrategy: () => 1 });
  pushing.on("error", () => {});
  const history = new TurnHistory();
  const conversations = Array.from({ length: WRITERS }, freshId);
  const finished = new AbortController();
  let [flushes, kills] = [0, 0];
  const storm = (async () => {
    while (!finished.signal.aborted) {
      if (choices.below(2) === 0) {
        await admin.script("FLUSH");
        flushes += 1;
      } else {
        kills += Number(await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"));
      }
      await pause(choices.below(whole ? 50 : 12));
    }
  })();
  let [done, pushed] = [0, 0];
  const key = freshId();
  await Promise.all(
    conversations.map(async (conversation, writer) => {
      const client = connections[writer % connections.length]?.client ?? admin;
      for (let number = 0; number < APPENDS / WRITERS; number++) {
        const repetitions = number % 10 === 0 ? 0 : 1_000;
        await appendOnce(`${conversation}/${number}`, { options: { client }, conversation, history, repetitions });
        // As a control, every other time one push without the library.
        if (number % 2 === 0 && (await pushNaively(pushing, key, `${conversation}/${number}`, 100))) pushed += 1;
        done += 1;
        progress("storm, turns", done, APPENDS);
      }
    }),
  );
  finished.abort();
  await storm;
  const verdict = await history.check((sessionId) =>
    new RedisChatMessageHistory({ client: admin, sessionId, deadline: "30s" }).getMessages(),
  );
  const doubled = (await admin.llen(key)) - pushed;
  for (const { close } of connections) close();
  for (const client of [pushing, admin]) client.disconnect();
  expect(violations(verdict)).toEqual({});
  expect(flushes).toBeGreaterThan(0);
  expect(kills).toBeGreaterThan(0);
  if (whole) expect(doubled, "the control doubles").toBeGreaterThan(0);
  report("storm", {
    writer: `addMessages, ${kind.by}`,
    "SCRIPT FLUSH": flushes,
    "connections killed": kills,
    ...verdict,
  });
  report("storm", { writer: "RPUSH (control)", issued: pushed, acknowledged: pushed, doubled });
});

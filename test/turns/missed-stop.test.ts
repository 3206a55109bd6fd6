// A message tells a turn to stop, and each renewal of its lease asks Redis whether it has to. A turn misses the message while
// its subscription is away, and a renewal that ran before the stop knows nothing of it. So the turn asks again when it has
// subscribed again, also if such a renewal is still under way.
import { Redis } from "ioredis";
import { afterEach, expect, inject, test } from "vitest";
import { logAnswerScript } from "../../src/redis/scripts/answer/log.js";
import { renewLeaseScript } from "../../src/redis/scripts/lease/renew.js";
import { Answering } from "../answers/support/answering.js";
import { rerouted } from "../answers/support/rerouted.js";
import { take } from "../chat-history/support/leased-conversations.js";
import { closingIn } from "../support/closing.js";
import { client } from "../support/session-store.js";
import type { Client } from "../support/topologies.js";

const { closing, keep } = closingIn(afterEach);
const { single } = inject("servers");

/** A client that can keep the replies of one script to itself, and whose subscriber can be cut off. */
async function holding({ sha1, lua }: { readonly sha1: string; readonly lua: string }): Promise<{
  client: Client;
  /** Resolves once the script has run again; its reply does not arrive. */
  hold: () => Promise<void>;
  letGo: () => void;
  /** How often the script was sent. */
  sent: () => number;
  /** From now on the script fails, or no longer does. */
  refuse: (refuses: boolean) => void;
  cutOff: () => void;
  /** Resolves once everything is subscribed to again. */
  listens: () => Promise<void>;
}> {
  await client.script("LOAD", lua);
  const inner = keep(new Redis(single));
  const duplicate = inner.duplicate.bind(inner);
  let subscriber: Redis | undefined;
  inner.duplicate = (options) => (subscriber = duplicate(options));
  let ran: (() => void) | undefined;
  let letGo = (): void => {};
  let held = Promise.resolve();
  let sent = 0;
  let refuses = false;
  return {
    sent: () => sent,
    refuse: (value) => (refuses = value),
    client: rerouted(inner as Client, sha1, async (send) => {
      sent += 1;
      if (refuses) throw new Error("away");
      const reply = await send();
      if (ran === undefined) return reply;
      ran();
      await held;
      return reply;
    }),
    hold: () => {
      held = new Promise((resolve) => (letGo = resolve));
      return new Promise((resolve) => (ran = resolve));
    },
    letGo: () => {
      ran = undefined;
      letGo();
    },
    cutOff: () => subscriber?.stream.destroy(),
    listens: async () => {
      await expect.poll(() => subscriber?.status).toBe("ready");
      // Behind the commands that subscribe.
      await subscriber?.ping();
    },
  };
}

/** A lease whose renewal has run, and the reply has not arrived. */
async function renewing() {
  const one = await holding(renewLeaseScript);
  const user = await Answering.on(one.client);
  closing.push(() => user.close());
  const ran = one.hold();
  // It also renews when its subscription stands for the first time.
  const lease = await take(user.store.history(user.session), { leaseMilliseconds: 60_000 });
  await ran;
  return { one, user, lease };
}

test("the turn of an answer hears of it, with a batch of events under way", async () => {
  const one = await holding(logAnswerScript);
  const user = await Answering.on(one.client);
  closing.push(() => user.close());
  const answer = await user.begin("one", { lease: "60s" });
  await one.listens();
  const { answers } = await user.elsewhere(client);
  const ran = one.hold();
  answer.send("Hel");
  await ran;
  one.cutOff();
  expect(await answers.stop()).toBe(true);
  await one.listens();
  one.letGo();
  await expect.poll(() => answer.signal.aborted).toBe(true);
});

test("any other turn hears of it, with a renewal under way", async () => {
  const { one, user, lease } = await renewing();
  one.cutOff();
  const { answers } = await user.elsewhere(client);
  expect(await answers.stop()).toBe(true);
  await one.listens();
  one.letGo();
  await expect.poll(() => lease.signal.aborted).toBe(true);
  await lease.release();
});

test("one that gave its conversation back meanwhile does not renew again", async () => {
  const { one, lease } = await renewing();
  one.cutOff();
  await one.listens();
  await lease.release();
  one.letGo();
  // What follows a reply is sent before the reply of the second command.
  for (let left = 2; left > 0; left--) await one.client.ping();
  expect(one.sent()).toBe(1);
});

test("an answer that failed to ask for long asks again soon after it has subscribed again", async () => {
  const one = await holding(logAnswerScript);
  const user = await Answering.on(one.client);
  closing.push(() => user.close());
  const answer = await user.begin("one", { lease: "60s" });
  await one.listens();
  one.refuse(true);
  // An event is tried at once. After eight failures the next pause is as long as a third of the lease.
  for (let failures = 0; failures < 8; failures++) {
    const before = one.sent();
    answer.send("Hel");
    await expect.poll(one.sent, { interval: 5 }).toBeGreaterThan(before);
  }
  const before = one.sent();
  one.cutOff();
  await one.listens();
  // It asks because it has subscribed, and once more after the shortest pause.
  await expect.poll(one.sent).toBeGreaterThan(before + 1);
  one.refuse(false);
});

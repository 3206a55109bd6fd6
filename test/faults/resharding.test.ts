// Slots move from one node of a Cluster to another while turns are appended to the conversations in them.
import { setTimeout as pause } from "node:timers/promises";
import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RedisChatMessageHistory, type RedisClient } from "langchain-redis-sessions";
import { fromNodeRedis } from "langchain-redis-sessions/node-redis";
import { type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { type NodeRedis, nodeRedisVersions, rootNodes } from "../support/node-redis.js";
import { isSealed } from "../support/sealed.js";
import { freshId } from "../support/turns.js";
import { amount, choicesFor, progress, report, whole } from "./support/run.js";
import { TurnHistory, violations } from "./support/turn-history.js";
import { appendOnce } from "./support/writers.js";

const SLOTS = amount(8, 1_000);
const CONVERSATIONS = amount(8, 400);
const WRITERS = 8;
const choices = choicesFor("resharding");

/** Two lists of one slot, of which only the first is declared. */
const undeclared = `redis.call("RPUSH", KEYS[1], ARGV[1]) redis.call("RPUSH", KEYS[1] .. ":copy", ARGV[1]) return 1`;

let redis: RunningRedis;
let nodes: Redis[];
let byIoredis: Cluster;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  redis = await startRedis({ cluster: true });
  nodes = redis.nodes.map((node) => new Redis({ ...node }));
  byIoredis = new Cluster([...redis.nodes], { retryDelayOnTryAgain: 5, maxRedirections: 2_000 });
});
afterAll(async () => {
  byIoredis.disconnect();
  for (const close of closing) close();
  for (const node of nodes) node.disconnect();
  await redis.stop();
});

function byNodeRedis({ createCluster }: NodeRedis): RedisClient {
  const client = createCluster({ rootNodes: rootNodes(redis.nodes) });
  client.on("error", () => {});
  void client.connect();
  closing.push(() => client.destroy());
  return fromNodeRedis(client);
}

/** Ids in slots of the first node, from this one on. */
async function idsInMovingSlots(firstSlot: number): Promise<{ id: string; slot: number }[]> {
  const found: { id: string; slot: number }[] = [];
  while (found.length < CONVERSATIONS) {
    const candidates = Array.from({ length: 2_000 }, freshId);
    const replies = await nodes[0]?.pipeline(candidates.map((id) => ["cluster", "KEYSLOT", `{${id}}`])).exec();
    const slots = candidates.map((id, index) => ({ id, slot: Number(replies?.[index]?.[1]) }));
    found.push(...slots.filter(({ slot }) => slot >= firstSlot && slot < firstSlot + 1_000));
  }
  return found.slice(0, CONVERSATIONS);
}

async function move(
  slot: number,
  { from, to, first, between }: { from: Redis; to: Redis; first: readonly string[]; between: () => Promise<unknown> },
): Promise<number> {
  const [source, target] = await Promise.all([from, to].map((node) => node.call("CLUSTER", "MYID").then(String)));
  await to.call("CLUSTER", "SETSLOT", slot, "IMPORTING", source ?? "");
  await from.call("CLUSTER", "SETSLOT", slot, "MIGRATING", target ?? "");
  const migrate = (...keys: readonly string[]): Promise<unknown> =>
    from.call("MIGRATE", to.options.host ?? "", to.options.port ?? 0, "", 0, 5_000, "KEYS", ...keys);
  // What the control does not declare goes first.
  if (first.length > 0) await migrate(...first);
  await between();
  let keys = 0;
  for (;;) {
    // A few at a time, so that what belongs together is for a while in two places.
    const some = (await from.call("CLUSTER", "GETKEYSINSLOT", slot, whole && slot % 10 > 0 ? 40 : 4)) as string[];
    if (some.length === 0) break;
    keys += some.length;
    await migrate(...some);
    await between();
  }
  for (const node of [to, from]) await node.call("CLUSTER", "SETSLOT", slot, "NODE", target ?? "");
  return keys;
}

const versions = whole ? nodeRedisVersions : nodeRedisVersions.slice(-1);
const clients = [
  { version: "ioredis 6", connect: () => byIoredis },
  ...versions.map((by) => ({ version: by.version, connect: () => byNodeRedis(by) })),
].map((by, index) => Object.assign(by, { firstSlot: index * 1_000 }));

test.each(clients)(
  "every turn is stored whole and once, by $version; control: a script that does not declare its keys is half done",
  async ({ version, connect, firstSlot }) => {
    const client = connect();
    const moving = await idsInMovingSlots(firstSlot);
    const conversations = moving.map(({ id }) => id);
    const history = new TurnHistory();
    const stopped = new AbortController();
    let number = 0;
    const writing = Array.from({ length: WRITERS }, async (_, writer) => {
      while (!stopped.signal.aborted) {
        // Each conversation has one writer.
        const own = conversations.filter((_id, index) => index % WRITERS === writer);
        const conversation = choices.one(own);
        number += 1;
        const options = { client, deadline: 10 };
        await appendOnce(`${conversation}/${number}`, { options, conversation, history, repetitions: 100 });
        // Each leaves the record of an operation in the slot, which has to be moved as well. Moving is slower where this
        // process has to seal, and must not be slower than they come.
        await pause(choices.below(whole || isSealed ? 30 : 6));
      }
    });
    let [torn, tries] = [0, 0];
    const controls = (slot: number): Promise<unknown> =>
      Promise.all(
        moving
          .filter((one) => one.slot === slot)
          .map(async ({ id }) => {
            tries += 1;
            await nodes[0]?.eval(undeclared, 1, `control:{${id}}`, String(tries)).catch(() => {});
          }),
      );
    let keys = 0;
    const [from, to] = nodes;
    if (!from || !to) throw new Error("There are three nodes.");
    const slots = whole
      ? Array.from({ length: SLOTS }, (_, index) => firstSlot + index)
      : new Set(moving.map(({ slot }) => slot));
    for (const slot of slots) {
      await controls(slot);
      const copies = moving.filter((one) => one.slot === slot).map(({ id }) => `control:{${id}}:copy`);
      keys += await move(slot, { from, to, first: copies, between: () => controls(slot) });
      progress("slots moved", slot - firstSlot, SLOTS);
    }
    stopped.abort();
    await Promise.all(writing);
    const verdict = await history.check((sessionId) =>
      new RedisChatMessageHistory({ client, sessionId }).getMessages(),
    );
    for (const id of conversations) {
      const [first, second] = await Promise.all([
        byIoredis.lrange(`control:{${id}}`, 0, -1),
        byIoredis.lrange(`control:{${id}}:copy`, 0, -1),
      ]);
      torn += first.filter((one) => !second.includes(one)).length;
    }
    expect(violations(verdict)).toEqual({});
    expect(keys).toBeGreaterThan(SLOTS / 4);
    expect(torn, "the control is half done").toBeGreaterThan(0);
    report("resharding", { client: version, "slots moved": SLOTS, "keys moved": keys, ...verdict });
    report("resharding", {
      client: version,
      "slots moved": SLOTS,
      "keys moved": "control: undeclared keys",
      issued: tries,
      torn,
    });
  },
);

// Several processes do everything at once to the sessions of a few owners, and are killed in the midst of it.
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, inject, test } from "vitest";
import { ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { removeKeys } from "../sessions/support/stored-keys.js";
import { closingIn } from "../support/closing.js";
import { isSealed } from "../support/sealed.js";
import { type Client, onOneRedis, topologies } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { openedLists, Race, type RaceOrder, storedLists } from "./support/race.js";
import { amount, choicesFor, progress, report, type Row, whole } from "./support/run.js";

const OPERATIONS = amount(800, 400_000);
const KILLS = amount(1, 33);
const PROCESSES = amount(3, 4);
const LIMIT = 4;
const { single, cluster } = inject("servers");
const choices = choicesFor("race");

const { closing } = closingIn(afterEach);

async function race(client: Client, order: Pick<RaceOrder, "addresses" | "how" | "by">): Promise<Row> {
  const { how } = order;
  const keyPrefix = `test-${freshId()}`;
  closing.push(() => removeKeys(client, `${keyPrefix}*`));
  const owners = Array.from({ length: 4 }, freshId);
  const indexes = owners.map((owner) => ownerKeys(keyPrefix, ownerTag(owner, undefined)).sessions);
  const racing = new Race({ ...order, keyPrefix, owners, limit: LIMIT, lanes: 8, seed: choices.below(1e9) });
  closing.push(() => racing.finish());
  for (let process = 0; process < PROCESSES; process++) racing.start();
  let over = 0;
  let most = 0;
  while (racing.operations < OPERATIONS || racing.kills < KILLS) {
    for (const count of await Promise.all(indexes.map((index) => client.zcard(index)))) {
      most = Math.max(most, count);
      if (count > LIMIT) over += 1;
    }
    // Or it would take from the processes the time in which they race.
    await pause(1);
    progress(`race, ${how}`, racing.operations, OPERATIONS);
    if (racing.operations > ((racing.kills + 1) * OPERATIONS) / (KILLS + 1)) await racing.killOne(choices.below(100));
  }
  await racing.finish();
  const isOpened = isSealed && how === "store";
  const lists = await (isOpened ? openedLists(client, { keyPrefix, owners }) : storedLists(client, keyPrefix));
  const broken = racing.violations(lists);
  expect(most, "the limit was reached").toBeGreaterThanOrEqual(LIMIT);
  return {
    processes: PROCESSES,
    operations: racing.operations,
    SIGKILLs: racing.kills,
    "over the limit": over,
    ...broken,
  };
}

const none = {
  "over the limit": 0,
  "used after the end": 0,
  "stored after the end": 0,
  torn: 0,
  doubled: 0,
  resurrected: 0,
};

const onOne = { name: "one Redis", connect: onOneRedis.connect, addresses: [single] };
const onCluster = {
  name: "Cluster of three",
  connect: topologies[1]?.connect ?? onOneRedis.connect,
  addresses: cluster,
};

test.each([
  { ...onOne, by: "ioredis" as const },
  { ...onCluster, by: "ioredis" as const },
  // In `npm run test:programs` the Cluster: its client is the one that does more.
  ...(whole ? [{ ...onOne, by: "node-redis" as const }] : []),
  { ...onCluster, by: "node-redis" as const },
])(
  "on $name by $by no limit is passed, what ended stays ended, and every turn is whole",
  async ({ name, connect, addresses, by }) => {
    const client = connect();
    closing.push(() => client.disconnect());
    const counted = await race(client, { addresses, by, how: "store" });
    expect(counted).toMatchObject(none);
    report("race", { on: name, by: `SessionStore, ${by}`, ...counted });
  },
  1_800_000,
);

test("control: the same in plain commands, which look and then act, breaks these promises", async () => {
  const client = onOneRedis.connect();
  closing.push(() => client.disconnect());
  const { processes, operations, SIGKILLs, ...broken } = await race(client, {
    addresses: [single],
    by: "ioredis",
    how: "plain commands",
  });
  const violations = Object.values(broken).reduce<number>((sum, count) => sum + Number(count), 0);
  expect(violations).toBeGreaterThan(0);
  report("race", {
    on: "one Redis",
    by: "plain commands (control)",
    processes,
    operations,
    SIGKILLs,
    ...broken,
  } as Row);
}, 1_800_000);

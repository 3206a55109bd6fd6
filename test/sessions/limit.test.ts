// P6: no race at the limit, whoever creates sessions and from wherever.
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { endingsChannel, ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { type Client, onOneRedis, topologies } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { amount } from "../support/amount.js";
import { type Creation, CreatingProcesses, type CreationOrder } from "./support/creating-processes.js";
import { removeKeys } from "./support/stored-keys.js";

const LIMIT = 5;
const processes = amount(3, 8);
const creates = amount(40, 200);
const total = processes * creates;
const { single, cluster } = inject("servers");

let creating: CreatingProcesses;
beforeAll(() => {
  creating = new CreatingProcesses(processes);
});
afterAll(() => creating.stop());

describe.each([
  { name: onOneRedis.name, connect: onOneRedis.connect, addresses: [single] },
  { name: "Cluster of three", connect: topologies[1]?.connect ?? onOneRedis.connect, addresses: cluster },
])("the limit of a user's sessions, on $name", ({ connect, addresses }) => {
  const keyPrefix = freshId();
  let client: Client;
  let listener: Redis;
  beforeAll(() => {
    client = connect();
    listener = new Redis({ ...addresses[0] });
  });
  afterAll(async () => {
    await removeKeys(client, `${keyPrefix}:*`);
    await client.quit();
    listener.disconnect();
  });

  const order = (how: CreationOrder["how"]): CreationOrder => {
    const userId = freshId();
    const index = ownerKeys(keyPrefix, ownerTag(userId, undefined)).sessions;
    return { addresses, keyPrefix, userId, index, limit: LIMIT, creates, lanes: 4, how };
  };

  /** Looks at the index without a pause while the processes work: how many there are, and when each started. */
  async function watched(
    ordered: CreationOrder,
  ): Promise<{ created: Creation[]; most: number; samples: number; starts: Map<string, number> }> {
    const begin = await creating.prepare(ordered);
    const starts = new Map<string, number>();
    let most = 0;
    let samples = 0;
    const work = { underWay: true };
    const look = async (): Promise<void> => {
      const members = await client.zrange(ordered.index, 0, "-1", "WITHSCORES");
      most = Math.max(most, members.length / 2);
      samples += 1;
      for (let place = 0; place < members.length; place += 2) {
        starts.set(members[place] ?? "", Number(members[place + 1]));
      }
    };
    const done = begin().finally(() => {
      work.underWay = false;
    });
    while (work.underWay) await look();
    await look();
    return { created: await done, most, samples, starts };
  }

  test(`${processes} processes that create ${creates} sessions each never leave more than ${LIMIT}, and end exactly the oldest`, async () => {
    const evictions: string[] = [];
    listener.on("message", (_channel, message) => evictions.push(message));
    await listener.subscribe(endingsChannel(keyPrefix));
    const ordered = order("store");
    const { created: made, most, samples, starts } = await watched(ordered);

    expect(made).toHaveLength(total);
    expect(samples).toBeGreaterThan(10);
    expect(most).toBe(LIMIT);
    const live = await client.zrange(ordered.index, 0, "-1");
    expect(live).toHaveLength(LIMIT);

    // Every session is either live or in exactly one list of ended ones.
    const accounted = [...live, ...made.flatMap(({ ended }) => ended)];
    expect(accounted).toHaveLength(total);
    expect(new Set(accounted)).toEqual(new Set(made.map(({ id }) => id)));

    // Endings are published by the script that ends, so they come in the order in which it ran. That they are exactly
    // the oldest: the session that started 5 later ended each, and none ended another.
    await expect.poll(() => evictions.length, { timeout: 10_000 }).toBe(total - LIMIT);
    expect(evictions.filter((message) => !message.endsWith(" evicted"))).toEqual([]);
    const inOrder = [...evictions.map((message) => message.split(" ")[0] ?? ""), ...live];
    const byId = new Map(made.map((creation) => [creation.id, creation]));
    const created = inOrder.map((id) => byId.get(id) as Creation);
    expect(created.map(({ ended }) => ended)).toEqual(
      inOrder.map((_, place) => (place < LIMIT ? [] : [inOrder[place - LIMIT]])),
    );
    const startedAt = created.map((creation) => creation.startedAt);
    expect(startedAt).toEqual(startedAt.toSorted((a, b) => a - b));
    // In microseconds, of those that the index was seen to hold: strictly one after the other.
    const seen = inOrder.flatMap((id) => starts.get(id) ?? []);
    expect(seen.length).toBeGreaterThan(LIMIT);
    expect(seen.every((start, place) => place === 0 || start > (seen[place - 1] ?? 0))).toBe(true);
  }, 120_000);

  test("control: a limit kept with plain commands, ZCARD and then ZADD, is exceeded", async () => {
    const ordered = order("plain commands");
    const { most } = await watched(ordered);
    await client.del(ordered.index);
    expect(most).toBeGreaterThan(LIMIT);
  }, 120_000);
});

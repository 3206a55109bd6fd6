import { getItemsScript } from "../redis/scripts/items/get.js";
import { renewItemsScript } from "../redis/scripts/items/renew.js";
import type { Stored } from "../redis/sealing.js";
import { run } from "../redis/send.js";
import { type ItemCall, forEach } from "./call.js";
import { fieldOf, type ItemName, partitionOf } from "./names.js";
import { decodeItems, type StoredItem } from "./stored-item.js";

/** The largest number of items of one script, because a script blocks Redis while it runs. */
const MOST = 1_000;

/**
 * Returns the items with these names, in order, with `null` for a missing item. Takes one round trip for each
 * partition.
 */
export async function readItems(call: ItemCall, names: readonly ItemName[]): Promise<(StoredItem | null)[]> {
  const found = new Map<string, StoredItem>();
  const { refreshOnRead, partition } = call.settings;
  await forEach(
    groupsOf(names.map((name) => [partitionOf(name.namespace, partition), fieldOf(name)])),
    async (group) => {
      const stored = await (refreshOnRead ? renew(call, group, true) : get(call, group));
      const there = group.fields.flatMap((field, index) => {
        const one = stored[index];
        return one === undefined ? [] : [[field, one] as const];
      });
      for (const { field, item } of await decodeItems(call.connectionTo(group.partition), there))
        found.set(field, item);
    },
  );
  return names.map((name) => found.get(fieldOf(name)) ?? null);
}

/** Renews the deadlines of items that a search has found, if `refreshOnRead` is on. */
export async function renewItems(call: ItemCall, items: readonly ItemName[]): Promise<void> {
  const { refreshOnRead, partition } = call.settings;
  if (!refreshOnRead) return;
  const groups = groupsOf(items.map((name) => [partitionOf(name.namespace, partition), fieldOf(name)]));
  await forEach(groups, (group) => renew(call, group, false));
}

interface Group {
  readonly partition: string;
  readonly fields: readonly string[];
}

function groupsOf(items: readonly (readonly [partition: string, field: string])[]): readonly Group[] {
  const byPartition = new Map<string, Set<string>>();
  for (const [partition, field] of items) {
    const fields = byPartition.get(partition) ?? new Set();
    byPartition.set(partition, fields.add(field));
  }
  return [...byPartition].flatMap(([partition, all]) => {
    const fields = [...all];
    const groups: Group[] = [];
    for (let from = 0; from < fields.length; from += MOST)
      groups.push({ partition, fields: fields.slice(from, from + MOST) });
    return groups;
  });
}

async function get(call: ItemCall, { partition, fields }: Group): Promise<readonly (Stored | undefined)[]> {
  const { items, record, sessions, partitions } = call.keysOf(partition);
  const asked = { keys: { items, record, sessions, partitions }, arguments: { fields, ...call.holderOf(partition) } };
  return (await run(call.connectionTo(partition), getItemsScript, asked)).stored;
}

async function renew(call: ItemCall, group: Group, returned: boolean): Promise<readonly (Stored | undefined)[]> {
  const { partition, fields } = group;
  const ttl = call.settings.ttlMilliseconds;
  const asked = {
    keys: call.keysOf(partition),
    sealedFor: ttl,
    arguments: { ttl, returned, fields, ...call.holderOf(partition) },
  };
  return (await run(call.connectionTo(partition), renewItemsScript, asked)).stored;
}

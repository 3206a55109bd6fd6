import { SearchTooLargeError } from "../errors.js";
import { partitionName } from "../redis/keys.js";
import {
  listPartitionScript,
  ownedPartitionsScript,
  partitionsScript,
  unlistPartitionsScript,
} from "../redis/scripts/items/partitions.js";
import { run } from "../redis/send.js";
import type { ItemCall } from "./call.js";

/**
 * Returns the partitions that may hold items whose namespaces begin with these labels. Takes no round trip if there is
 * only one.
 *
 * @throws SearchTooLargeError when there are more than `maxScan`.
 */
export async function partitionsBelow(call: ItemCall, labels: readonly string[]): Promise<readonly string[]> {
  const { partition, maxScan } = call.settings;
  const name = partitionName(labels.slice(0, partition));
  if (labels.length >= partition) return [name];
  const all = await partitionsFrom(call, name);
  if (all.length > maxScan) throw new SearchTooLargeError(maxScan);
  return all.filter((one) => name === "" || one === name || one.startsWith(`${name},`));
}

async function partitionsFrom(call: ItemCall, name: string): Promise<readonly string[]> {
  const { listed } = call.place;
  const most = call.settings.maxScan + 1;
  if (listed.by === "owner") {
    const { record, sessions, partitions, sessionId } = listed.holder;
    const asked = { keys: { record, sessions, partitions }, arguments: { sessionId, most } };
    return (await run(call.connection(), ownedPartitionsScript, asked)).names;
  }
  // Encoded labels are joined by ",". "-" follows "," and ends the range.
  const range = name === "" ? { from: "-", to: "+" } : { from: `[${name}`, to: `(${name}-` };
  const asked = { keys: { names: listed.keys.names }, arguments: { ...range, most } };
  return (await run(call.connection(), partitionsScript, asked)).names;
}

/** Adds a partition to the list before its first item is written, so that searches find it. */
export async function listPartition(call: ItemCall, name: string): Promise<void> {
  const { listed } = call.place;
  if (listed.by === "list")
    await run(call.connection(), listPartitionScript, { keys: listed.keys, arguments: { name } });
}

/** Removes partitions that were found empty from the list. The index of an owner loses them by itself. */
export async function unlistPartitions(call: ItemCall, found: readonly string[]): Promise<void> {
  const { listed } = call.place;
  if (listed.by === "owner" || found.length === 0) return;
  await run(call.connection(), unlistPartitionsScript, { keys: listed.keys, arguments: { found } });
}

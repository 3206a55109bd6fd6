import { InvalidOptionError } from "../errors.js";
import { newOperationId } from "../redis/operation.js";
import type { Value } from "../redis/port.js";
import { removeItemsScript } from "../redis/scripts/items/remove.js";
import { writeItemsScript } from "../redis/scripts/items/write.js";
import type { Sealer } from "../redis/sealing.js";
import { write } from "../redis/send.js";
import type { ItemCall } from "./call.js";
import { fieldOf, type ItemName, partitionOf } from "./names.js";
import { ofItem } from "./stored-item.js";
import { listPartition } from "./partitions.js";

/**
 * The largest number of changes of one script. A script blocks Redis while it runs, and this many changes take some
 * tens of milliseconds.
 */
const MOST = 10_000;
/** The largest number of characters of one write. Node.js cannot build a command of more than about 512 MB. */
const MOST_CHARACTERS = 134_217_728;

/** A change of an item: JSON text stores it, and `undefined` removes it. */
export interface Change extends ItemName {
  readonly json: string | undefined;
}

/** The changes of one partition: for each field the JSON text, or `undefined` for a removal. */
type Changes = Map<string, string | undefined>;

/**
 * Stores and removes items. Of several changes to one item, the last one counts. The changes of one partition take
 * effect once, and together or not at all. Takes one round trip for each partition, and two more if the partition was
 * empty.
 *
 * @throws InvalidOptionError when there are too many changes for one partition. Nothing was sent.
 */
export function writeItems(changes: readonly Change[], partition: number): (call: ItemCall) => Promise<void> {
  const byPartition = new Map<string, Changes>();
  for (const change of changes) {
    const name = partitionOf(change.namespace, partition);
    const own: Changes = byPartition.get(name) ?? new Map();
    byPartition.set(name, own);
    const field = fieldOf(change);
    own.delete(field); // Delete first, so that the last change of an item stands last.
    own.set(field, change.json);
  }
  for (const own of byPartition.values()) assertNotTooMuch(own);
  return async (call) => {
    // Wait for all, so that no write is still under way when the call ends.
    const results = await Promise.allSettled([...byPartition].map(([name, own]) => writePartition(call, name, own)));
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  };
}

function assertNotTooMuch(changes: Changes): void {
  let characters = 0;
  for (const [field, json = ""] of changes) characters += field.length + json.length;
  if (changes.size > MOST) throw new InvalidOptionError("operations", `put at most ${MOST} items per batch.`);
  if (characters > MOST_CHARACTERS) {
    throw new InvalidOptionError("operations", `put at most ${MOST_CHARACTERS} characters of JSON per batch.`);
  }
}

async function writePartition(call: ItemCall, partition: string, changes: Changes): Promise<void> {
  // A new id for each write: if ioredis sends the write again after a lost reply, the script recognises it, so that it
  // undoes no later write.
  const operation = call.place.keysOf(partition).operation(newOperationId());
  const keys = { ...call.keysOf(partition), operation };
  const removals = [...changes].flatMap(([field, json]) => (json === undefined ? [field] : []));
  const holder = { digest: "items", ...call.holderOf(partition) };
  if (removals.length === changes.size) {
    await write(call.connection(), removeItemsScript, { keys, arguments: { ...holder, removals } });
    return;
  }
  const ttl = call.settings.ttlMilliseconds;
  for (let named = false; ; named = true) {
    const { outcome } = await write(call.connectionTo(partition), writeItemsScript, {
      keys,
      sealedFor: ttl,
      arguments: (sealer) => ({ ...holder, named, ttl, puts: putsOf(changes, sealer), removals }),
    });
    if (outcome !== "unlisted") return;
    await listPartition(call, partition);
  }
}

/** Returns pairs of an item's stored name and its stored JSON text, in turn. */
function putsOf(changes: Changes, sealer: Sealer | undefined): readonly Value[] {
  return [...changes].flatMap(([field, json]) =>
    json === undefined ? [] : [field, sealer === undefined ? json : sealer.seal(json, ofItem(field))],
  );
}

import type { CheckpointEntry, MetadataEntry, TaskWrites } from "../redis/scripts/thread/entries.js";
import type { Ancestor } from "../redis/scripts/thread/ancestors.js";
import type { Stored } from "../redis/sealing.js";
import type { Connection } from "../redis/send.js";
import { ofCheckpoint, ofMetadata, ofNode, ofValue, ofWrite } from "./belonging.js";
import { StoredNodes } from "./nodes.js";
import { openParts, type Part } from "./parts.js";

/** The parts of a thread that one call has read. */
interface Found {
  /** Names and contents, in turn. */
  readonly nodes: readonly Stored[];
  /** Lists the parts that were read beside the nodes. */
  readonly parts: () => readonly Part[];
}

/**
 * Returns the nodes that were read. Opens them, and the parts that refer to them, if any of these may be sealed or
 * compressed.
 *
 * @throws EncryptionKeyError when the key ring cannot unwrap the key.
 */
export async function openNodes(
  connection: Connection,
  thread: string,
  maxBytes: number,
  { nodes, parts }: Found,
): Promise<StoredNodes> {
  const beside = parts();
  if (connection.vault === undefined && nodes.every(isText) && beside.every(({ stored }) => isText(stored))) {
    return new StoredNodes(nodes);
  }
  const all = [...beside];
  for (let i = 0; i + 1 < nodes.length; i += 2) {
    all.push({ stored: nodes[i + 1] ?? "", about: ofNode(thread, String(nodes[i])) });
  }
  return new StoredNodes(nodes, await openParts(connection, all, maxBytes));
}

function isText(stored: Stored): stored is string {
  return typeof stored === "string";
}

export function partsOfEntry(thread: string, entry: CheckpointEntry): readonly Part[] {
  const { place, parent, rest, metadata, values, tasks, sends } = entry;
  return [
    { stored: rest, about: ofCheckpoint(thread, entry, values) },
    { stored: metadata, about: ofMetadata(thread, place) },
    ...values.map((value) => ({ stored: value.reference, about: ofValue(thread, value) })),
    ...partsOfTasks(thread, place, tasks),
    ...partsOfTasks(thread, parent, sends),
  ];
}

export function partOfMetadata(thread: string, { place, metadata }: MetadataEntry): Part {
  return { stored: metadata, about: ofMetadata(thread, place) };
}

export function partsOfAncestor(thread: string, { place, tasks, values }: Ancestor): readonly Part[] {
  return [
    ...values.map((value) => ({ stored: value.reference, about: ofValue(thread, value) })),
    ...partsOfTasks(thread, place, tasks),
  ];
}

function partsOfTasks(thread: string, place: string, tasks: readonly TaskWrites[]): readonly Part[] {
  return tasks.flatMap(({ task, writes }) =>
    writes.map((write) => ({ stored: write.reference, about: ofWrite(thread, { place, task }, write) })),
  );
}

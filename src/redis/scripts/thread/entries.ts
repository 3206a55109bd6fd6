import { list, text as textReply } from "../../replies.js";
import type { Stored } from "../../sealing.js";
import { nodeList, part } from "./parts.js";

// The replies of scripts that read checkpoints.

/** One write of a task, named by its index. */
interface WriteEntry {
  readonly index: string;
  readonly channel: string;
  readonly reference: Stored;
}

/** The writes of a task to a checkpoint. */
export interface TaskWrites {
  readonly task: string;
  readonly path: string;
  readonly writes: readonly WriteEntry[];
}

/** The value of a channel. */
export interface ValueEntry {
  readonly channel: string;
  readonly version: string;
  readonly reference: Stored;
}

export interface CheckpointEntry {
  readonly place: string;
  /** The place of the parent, or `""` if there is none. */
  readonly parent: string;
  readonly rest: Stored;
  readonly metadata: Stored;
  readonly values: readonly ValueEntry[];
  readonly tasks: readonly TaskWrites[];
  /** The writes to the parent, if the checkpoint's sends are kept there. */
  readonly sends: readonly TaskWrites[];
}

export function taskWrites(reply: unknown): readonly TaskWrites[] {
  return list(reply).map((one) => {
    const [task, path, ...flat] = list(one);
    const writes: WriteEntry[] = [];
    for (let i = 0; i < flat.length; i += 3) {
      writes.push({ index: textReply(flat[i]), channel: textReply(flat[i + 1]), reference: part(flat[i + 2]) });
    }
    return { task: textReply(task), path: textReply(path), writes };
  });
}

/**
 * Parses values.
 *
 * @param reply channels, versions and references, in turn.
 */
export function valueEntries(reply: unknown): readonly ValueEntry[] {
  const flat = list(reply);
  const values: ValueEntry[] = [];
  for (let i = 0; i < flat.length; i += 3) {
    values.push({ channel: textReply(flat[i]), version: textReply(flat[i + 1]), reference: part(flat[i + 2]) });
  }
  return values;
}

export function checkpointEntry(reply: unknown): CheckpointEntry {
  const [place, parent, rest, metadata, references, tasks, sends] = list(reply);
  return {
    place: textReply(place),
    parent: textReply(parent),
    rest: part(rest),
    metadata: part(metadata),
    values: valueEntries(references),
    tasks: taskWrites(tasks),
    sends: taskWrites(sends),
  };
}

/** A checkpoint without its values. */
export interface MetadataEntry {
  readonly place: string;
  readonly metadata: Stored;
}

export function metadataEntry(reply: unknown): MetadataEntry {
  const [place, metadata] = list(reply);
  return { place: textReply(place), metadata: part(metadata) };
}

/** Parses checkpoints, and the nodes that their values are made of: names and contents, in turn. */
export const entries = (found: unknown, nodes: unknown): { entries: CheckpointEntry[]; nodes: readonly Stored[] } => ({
  entries: list(found).map(checkpointEntry),
  nodes: nodeList(nodes),
});

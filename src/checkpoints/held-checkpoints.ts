import { CorruptCheckpointError } from "../errors.js";
import type { CheckpointEntry } from "../redis/scripts/thread/entries.js";
import type { Stored } from "../redis/sealing.js";
import { DamagedNode, type StoredNodes } from "./nodes.js";
import { partsOf, unescaped } from "./place.js";
import type { Thread } from "./thread.js";
import { inOrder } from "./writes.js";

/** Checkpoints of one page. */
const PAGE = 20;

/** A value of a thread as JSON: the JSON that the serializer made of it, or its bytes with the type that it gave them. */
export type PlainValue =
  | { readonly json: unknown }
  | {
      /** What the serializer calls the form of the bytes. */
      readonly type: string;
      readonly base64: string;
    };

/** What one thread holds of one checkpoint. */
export interface HeldCheckpoint {
  readonly namespace: string;
  readonly id: string;
  /** Absent for the first one of a run. */
  readonly parentId?: string;
  /** The checkpoint without the values of its channels. Absent when only writes to it are there. */
  readonly checkpoint?: PlainValue;
  readonly metadata?: PlainValue;
  readonly channels: readonly { readonly channel: string; readonly version: unknown; readonly value: PlainValue }[];
  /** What tasks wrote to the checkpoint, in the order in which LangGraph applies it. */
  readonly writes: readonly HeldWrite[];
}

export interface HeldWrite {
  readonly task: string;
  readonly path: string;
  readonly index: number;
  readonly channel: string;
  readonly value: PlainValue;
}

/**
 * Yields all that a thread holds, the latest checkpoint first, as JSON and not as objects of LangChain. A checkpoint that is
 * added meanwhile is left out.
 *
 * @throws CorruptCheckpointError for a part that is missing or changed, unless `onCorrupt` is `"skip"`.
 */
export async function* heldCheckpoints(
  thread: Thread,
  onCorrupt: "throw" | "skip",
): AsyncGenerator<HeldCheckpoint, void, undefined> {
  for (let below = "+inf"; below !== "";) {
    const [page] = await readable(onCorrupt, () => thread.listHeld({ below, limit: PAGE }));
    if (page === undefined) return;
    for (const entry of page.entries) {
      yield* await readable(onCorrupt, () => held(thread.id, entry, page.nodes));
    }
    below = page.below;
  }
}

/** Returns what is read, or nothing when it is damaged and is to be skipped. */
async function readable<Value>(onCorrupt: "throw" | "skip", read: () => Value | Promise<Value>): Promise<Value[]> {
  try {
    return [await read()];
  } catch (error) {
    if (error instanceof CorruptCheckpointError && onCorrupt === "skip") return [];
    throw error;
  }
}

function held(threadId: string, entry: CheckpointEntry, nodes: StoredNodes): HeldCheckpoint {
  const { place, parent, rest, metadata, values, tasks } = entry;
  const valueOf = (reference: Stored, channel?: string): PlainValue => plain(threadId, nodes, reference, channel);
  const channels = values.map(({ channel, version, reference }) => ({
    channel,
    version: JSON.parse(version),
    value: valueOf(reference, channel),
  }));
  return {
    ...partsOf(place),
    ...(parent === "" ? {} : { parentId: partsOf(parent).id }),
    ...(rest === "" ? {} : { checkpoint: valueOf(rest), metadata: valueOf(metadata) }),
    channels,
    writes: inOrder(tasks).map(({ task, path, index, channel, reference }) => ({
      task,
      path: unescaped(path),
      index,
      channel,
      value: valueOf(reference, channel),
    })),
  };
}

function plain(threadId: string, nodes: StoredNodes, reference: Stored, channel: string | undefined): PlainValue {
  try {
    const value = nodes.valueOf(reference);
    if (typeof value === "string") return { json: JSON.parse(value) };
    return { type: value.type, base64: Buffer.from(value.bytes).toString("base64") };
  } catch (error) {
    // What JSON.parse throws quotes what it could not read.
    if (error instanceof DamagedNode || error instanceof SyntaxError)
      throw new CorruptCheckpointError(threadId, channel);
    throw error;
  }
}

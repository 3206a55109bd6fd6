import { CorruptCheckpointError } from "../errors.js";
import type { CheckpointEntry } from "../redis/scripts/thread/entries.js";
import type { Stored } from "../redis/sealing.js";
import { DamagedNode, type StoredNodes } from "./nodes.js";
import { partsOf, unescaped } from "./place.js";
import type { Thread } from "./thread.js";
import { inOrder } from "./writes.js";

/** The number of checkpoints of one page. */
const PAGE = 20;

/**
 * A value of a thread in a form that JSON can hold: the JSON that the serializer made of it, or the serializer's bytes
 * in base64, with their type.
 */
export type PlainValue =
  | {
      /** The serializer's JSON, parsed. */
      readonly json: unknown;
    }
  | {
      /** The serializer's name for the form of the bytes. */
      readonly type: string;
      /** The serializer's bytes in base64. */
      readonly base64: string;
    };

/** One checkpoint as its thread holds it. */
export interface HeldCheckpoint {
  /** The `checkpoint_ns`. */
  readonly namespace: string;
  /** The `checkpoint_id`. */
  readonly id: string;
  /** Absent if the checkpoint has no parent. */
  readonly parentId?: string;
  /** The checkpoint without the values of its channels. Absent if the thread holds only writes to it. */
  readonly checkpoint?: PlainValue;
  /** The metadata. Absent if the thread holds only writes to the checkpoint. */
  readonly metadata?: PlainValue;
  /** The values of the checkpoint's channels. */
  readonly channels: readonly { readonly channel: string; readonly version: unknown; readonly value: PlainValue }[];
  /** The writes of tasks to the checkpoint, in the order in which LangGraph applies them. */
  readonly writes: readonly HeldWrite[];
}

/** One write of a task to a channel. */
export interface HeldWrite {
  /** The id of the task. */
  readonly task: string;
  /** The path of the task in the graph, by which LangGraph orders writes. */
  readonly path: string;
  /** The index of the write among those of its task. Below 0 for special channels of LangGraph. */
  readonly index: number;
  /** The channel that was written to. */
  readonly channel: string;
  /** The written value. */
  readonly value: PlainValue;
}

/**
 * Yields everything that a thread holds, the latest checkpoint first, as JSON instead of LangChain objects. Leaves out
 * checkpoints that are added meanwhile.
 *
 * @throws CorruptCheckpointError when a part is missing or changed, unless `onCorrupt` is `"skip"`.
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

/**
 * Returns a list of the value that `read` returned. The list is empty if the value is damaged and `onCorrupt` is
 * `"skip"`.
 */
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
    // An error of JSON.parse quotes the text, which may be secret, so it is not passed on.
    if (error instanceof DamagedNode || error instanceof SyntaxError)
      throw new CorruptCheckpointError(threadId, channel);
    throw error;
  }
}

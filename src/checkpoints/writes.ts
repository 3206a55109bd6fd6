import type { TaskWrites } from "../redis/scripts/thread/entries.js";
import type { Stored } from "../redis/sealing.js";
import { unescaped } from "./place.js";

/** One write of a task to a channel. */
export interface StoredWrite {
  readonly task: string;
  readonly path: string;
  readonly index: number;
  readonly channel: string;
  readonly reference: Stored;
}

/**
 * Returns writes in the order in which LangGraph applies them: by path, task and index. Compares texts by code point,
 * as LangGraph's `compareWritesSortKeys` does.
 */
export function inOrder(tasks: readonly TaskWrites[]): StoredWrite[] {
  return tasks.flatMap(writesOf).toSorted((one, other) => {
    return byCodePoint(one.path, other.path) || byCodePoint(one.task, other.task) || one.index - other.index;
  });
}

function writesOf({ task, path, writes }: TaskWrites): StoredWrite[] {
  const its = { task: unescaped(task), path };
  return writes.map(({ index, channel, reference }) => ({ ...its, index: Number(index), channel, reference }));
}

/** Compares two texts by code point. UTF-8 keeps the order of code points, but UTF-16 does not. */
function byCodePoint(one: string, other: string): number {
  return one === other ? 0 : Buffer.compare(Buffer.from(one), Buffer.from(other));
}

import type { TaskWrites } from "../redis/scripts/thread/entries.js";
import type { Reference } from "./nodes.js";
import { unescaped } from "./place.js";

/** One write of a task to a channel. */
export interface StoredWrite {
  readonly task: string;
  readonly path: string;
  readonly index: number;
  readonly channel: string;
  readonly reference: Reference;
}

/**
 * Returns writes in the order in which LangGraph applies them: by path, task and index. Texts are compared by code point,
 * as LangGraph's `compareWritesSortKeys` does.
 */
export function inOrder(tasks: readonly TaskWrites[]): StoredWrite[] {
  return tasks.flatMap(writesOf).toSorted((one, other) => {
    return byCodePoint(one.path, other.path) || byCodePoint(one.task, other.task) || one.index - other.index;
  });
}

function writesOf({ task, path, writes }: TaskWrites): StoredWrite[] {
  const found: StoredWrite[] = [];
  for (let i = 0; i + 2 < writes.length; i += 3) {
    const [index = "", channel = "", reference = ""] = writes.slice(i, i + 3);
    found.push({ task: unescaped(task), path, index: Number(index), channel, reference });
  }
  return found;
}

/** UTF-8 keeps the order of code points, which UTF-16 does not. */
function byCodePoint(one: string, other: string): number {
  return one === other ? 0 : Buffer.compare(Buffer.from(one), Buffer.from(other));
}

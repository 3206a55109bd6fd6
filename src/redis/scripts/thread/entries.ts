import { list, text as textReply, textList } from "../../replies.js";

// What scripts that read checkpoints return.

/** What a task wrote to a checkpoint: index, channel, reference, index, …. */
export interface TaskWrites {
  readonly task: string;
  readonly path: string;
  readonly writes: readonly string[];
}

export interface CheckpointEntry {
  readonly place: string;
  /** `""` for none. */
  readonly parent: string;
  readonly rest: string;
  readonly metadata: string;
  /** Channel, version, reference, channel, … */
  readonly references: readonly string[];
  readonly tasks: readonly TaskWrites[];
  /** What was written to the parent, where the checkpoint's sends are kept there. */
  readonly sends: readonly TaskWrites[];
}

export function taskWrites(reply: unknown): readonly TaskWrites[] {
  return list(reply).map((one) => {
    const [task = "", path = "", ...writes] = textList(one);
    return { task, path, writes };
  });
}

export function checkpointEntry(reply: unknown): CheckpointEntry {
  const [place, parent, rest, metadata, references, tasks, sends] = list(reply);
  return {
    place: textReply(place),
    parent: textReply(parent),
    rest: textReply(rest),
    metadata: textReply(metadata),
    references: textList(references),
    tasks: taskWrites(tasks),
    sends: taskWrites(sends),
  };
}

/** Checkpoints, and the nodes that their values are made of: name, content, … */
export const entries = (found: unknown, nodes: unknown): { entries: CheckpointEntry[]; nodes: readonly string[] } => ({
  entries: list(found).map(checkpointEntry),
  nodes: textList(nodes),
});

import { LangChainRedisError } from "./langchain-redis-error.js";

/**
 * Thrown when the thread was deleted while this run was under way: by `deleteThread`, or together with its conversation
 * or its owner. Also thrown when the thread has expired and the new checkpoint depends on expired ones. The checkpoint
 * was not stored.
 *
 * @remedy Run the graph again: the new run starts a new thread.
 */
export class ThreadDeletedError extends LangChainRedisError {
  override readonly name = "ThreadDeletedError";
  override readonly code = "THREAD_DELETED";

  constructor() {
    super("The thread was deleted or expired during the run, so the checkpoint was not stored. Run the graph again.");
  }
}

/**
 * Thrown with `forks: "refuse"` when another run has added to the thread since this run read it, or when a run begins at
 * an older checkpoint. The checkpoint was not stored. The checkpoints of the other run stand.
 *
 * @remedy Run the graph again on the thread as it is now, or use `forks: "allow"`.
 */
export class ThreadChangedError extends LangChainRedisError {
  override readonly name = "ThreadChangedError";
  override readonly code = "THREAD_CHANGED";

  constructor() {
    super(
      "The thread has a newer checkpoint than the one that this run started from, so the run's checkpoint was not stored. " +
        'Run the graph again, or use forks: "allow".',
    );
  }
}

/**
 * Thrown when a checkpoint cannot be read. Either a part of it is missing or changed in Redis (because of an eviction, for
 * example), or it is sealed and the saver has no `encryption`, or it has to be sealed and is not. No other state is
 * returned in its place.
 *
 * @remedy Read an older checkpoint, or delete the thread. If the message names encryption, correct the `encryption`
 * option.
 */
export class CorruptCheckpointError extends LangChainRedisError {
  override readonly name = "CorruptCheckpointError";
  override readonly code = "CORRUPT_CHECKPOINT";
  /** The `thread_id` of the thread. */
  readonly threadId: string;
  /** The channel whose value cannot be read. `undefined` when no single channel is at fault. */
  readonly channel: string | undefined;

  /** @param reason why the checkpoint cannot be read. Leave it out when a part is missing or changed. */
  constructor(threadId: string, channel?: string, reason?: string) {
    const what = channel === undefined ? "A checkpoint" : `The channel ${JSON.stringify(channel)} of a checkpoint`;
    const which = `${what} of the thread ${JSON.stringify(threadId)}`;
    super(
      reason === undefined
        ? `${which} is incomplete or was changed in Redis. Read an older checkpoint, or delete the thread.`
        : `${which} cannot be read: ${reason}.`,
    );
    this.threadId = threadId;
    this.channel = channel;
  }
}

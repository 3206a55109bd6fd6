import { LangChainRedisError } from "./langchain-redis-error.js";

/**
 * Thrown when the thread was deleted while this run was under way: by `deleteThread`, or together with its conversation
 * or its owner. Also thrown when it has expired, and the checkpoint cannot be read without the ones before it. The
 * checkpoint was not stored. A run that begins anew begins a new thread.
 */
export class ThreadDeletedError extends LangChainRedisError {
  override readonly name = "ThreadDeletedError";
  override readonly code = "THREAD_DELETED";

  constructor() {
    super("The thread is no longer there that this run is built on, so its checkpoint was not stored. Run it again.");
  }
}

/**
 * Thrown with `forks: "refuse"` when another run has added to the thread since this run read it, or when a run begins at
 * an older checkpoint. The checkpoint was not stored. What the other run stored stands.
 */
export class ThreadChangedError extends LangChainRedisError {
  override readonly name = "ThreadChangedError";
  override readonly code = "THREAD_CHANGED";

  constructor() {
    super(
      "The thread has a newer checkpoint than the one that this run is built on, so its own was not stored. " +
        'Run it again, or use forks: "allow".',
    );
  }
}

/**
 * Thrown when a checkpoint cannot be read: a part of it is missing or changed in Redis, because of an eviction, say; or it is
 * sealed, and the saver has no `encryption`; or it is not sealed, and has to be. No other state is returned in its place.
 */
export class CorruptCheckpointError extends LangChainRedisError {
  override readonly name = "CorruptCheckpointError";
  override readonly code = "CORRUPT_CHECKPOINT";
  /** The `thread_id` of the thread. */
  readonly threadId: string;
  /** The channel whose value cannot be read. `undefined` when the fault is elsewhere. */
  readonly channel: string | undefined;

  /** @param reason why it cannot be read, when it is not plainly missing or changed. */
  constructor(threadId: string, channel?: string, reason?: string) {
    const what = channel === undefined ? "A checkpoint" : `The channel ${JSON.stringify(channel)} of a checkpoint`;
    const which = `${what} of the thread ${JSON.stringify(threadId)}`;
    super(
      reason === undefined
        ? `${which} is not as it was stored. Read an older checkpoint, or delete the thread.`
        : `${which} cannot be read: ${reason}.`,
    );
    this.threadId = threadId;
    this.channel = channel;
  }
}

import { isLangChainRedisError, LangChainRedisError } from "./langchain-redis-error.js";

/**
 * Turns of one conversation run one after another, and this one could not: another has it (`reason: "taken"`), or this
 * one held it and no longer does (`reason: "lost"`). Nothing was stored.
 */
export class ConversationBusyError extends LangChainRedisError {
  override readonly name = "ConversationBusyError";
  override readonly code = "CONVERSATION_BUSY";
  /**
   * `"taken"`: another turn was running; nothing was begun. `"lost"`: the lease was not renewed in time, because Redis
   * was away or this process stood still, so that another turn may have run since the conversation was read.
   */
  readonly reason: "taken" | "lost";

  constructor(reason: "taken" | "lost") {
    super(
      reason === "taken"
        ? "Another turn of this conversation is running. Try again when it is over."
        : "The turn lost its lease on the conversation, which others may have changed since; it was not stored.",
    );
    this.reason = reason;
  }
}

/** The codes of what may have passed by the next attempt. */
const passing: ReadonlySet<string> = new Set(["STORE_UNAVAILABLE", "STORAGE_FULL", "NOT_REPLICATED"]);

/**
 * The turn was answered, and could not be stored. Nothing of it is lost: the answer is in `output`, and `retry()`
 * stores the same turn, once, also when the failed attempt went through after all. `cause` tells what stood in the way.
 *
 * A retry can succeed when `cause` is a StoreUnavailableError, StorageFullError or NotReplicatedError (others say what is
 * wrong with the turn, its conversation or its session), as long as its operation id is remembered (two minutes) and,
 * with `concurrency` `"wait"` or `"reject"`, its lease lasts. With a history of another library it may store the turn
 * twice.
 *
 * @example
 * ```ts
 * catch (error) {
 *   if (!(error instanceof TurnNotStoredError)) throw error;
 *   reply(error.output);
 *   await error.retry();
 * }
 * ```
 */
export class TurnNotStoredError extends LangChainRedisError {
  override readonly name = "TurnNotStoredError";
  override readonly code = "TURN_NOT_STORED";
  /** What the runnable, chain or agent answered. Not enumerable, so that loggers leave it out. */
  declare readonly output: unknown;
  /** The operation id of the turn. */
  readonly operationId: string;
  readonly #retry: () => Promise<void>;

  constructor(details: { output: unknown; operationId: string; retry: () => Promise<void>; cause: Error }) {
    // What is wrong with the turn, its conversation or its session is so at the next attempt too.
    const { cause } = details;
    const lasts = isLangChainRedisError(cause) && !passing.has(cause.code);
    const retry = lasts ? "." : "; retry() stores the turn once.";
    super(`The turn was not stored (${details.cause.message}) The answer is in output${retry}`, {
      cause: details.cause,
    });
    Object.defineProperty(this, "output", { value: details.output, enumerable: false });
    this.operationId = details.operationId;
    this.#retry = details.retry;
  }

  /**
   * Stores the same turn under the same operation id.
   *
   * @throws TurnNotStoredError when that fails again.
   */
  async retry(): Promise<void> {
    await this.#retry();
  }
}

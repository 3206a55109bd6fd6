import { isLangChainRedisError, LangChainRedisError } from "./langchain-redis-error.js";

/**
 * Thrown when a turn needs the conversation to itself, and another turn has it (`reason: "taken"`) or has taken it over
 * (`reason: "lost"`). The turn was not stored. The option `concurrency` decides whether a turn needs the conversation
 * to itself.
 *
 * @remedy After `"taken"`, try again when the other turn is over, or follow its answer. After `"lost"`, run the turn
 * again on what is stored now.
 */
export class ConversationBusyError extends LangChainRedisError {
  override readonly name = "ConversationBusyError";
  override readonly code = "CONVERSATION_BUSY";
  /**
   * `"taken"`: another turn of the conversation was running, so this turn did not start. `"lost"`: this turn's lease
   * lapsed and another turn took the conversation. A lease lapses when Redis is unreachable, when the process is
   * suspended, or when the turn gives no sign of life.
   */
  readonly reason: "taken" | "lost";
  /**
   * The operation id of the turn that has the conversation, when that turn is an answer in flight (`sessions.answers`). If
   * the id is yours, follow the answer.
   */
  readonly operationId: string | undefined;

  constructor(reason: "taken" | "lost", operationId?: string) {
    super(
      reason === "taken"
        ? "Another turn of this conversation is running. Try again when it has ended."
        : "The turn lost its lease and was not stored. Another turn may have changed the conversation since.",
    );
    this.reason = reason;
    this.operationId = operationId;
  }
}

/**
 * Thrown when a turn was stopped: by `answers.stop()` (`reason: "stop"`), or by a later turn that took its place
 * (`reason: "superseded"`). It is also the reason of the turn's abort signal. The option `onInterrupt` decides what is kept
 * of the turn.
 *
 * @remedy Show what is stored. To get an answer, run a new turn.
 */
export class AnswerStoppedError extends LangChainRedisError {
  override readonly name = "AnswerStoppedError";
  override readonly code = "ANSWER_STOPPED";
  /** `"stop"`: a call of `answers.stop()` stopped the turn. `"superseded"`: a later turn took its place. */
  readonly reason: "stop" | "superseded";

  constructor(reason: "stop" | "superseded") {
    super(
      reason === "stop"
        ? "The turn was stopped."
        : "The turn was stopped because a later turn of this conversation took its place.",
    );
    this.reason = reason;
  }
}

/** The codes of errors that the next attempt may not meet again. */
const passing: ReadonlySet<string> = new Set(["STORE_UNAVAILABLE", "STORAGE_FULL", "NOT_REPLICATED"]);

/**
 * Thrown when the model has answered but the turn could not be stored. The answer is in `output`, the reason is in
 * `cause`, and `retry()` stores the same turn.
 *
 * A retry can succeed if `cause` is a StoreUnavailableError, a StorageFullError or a NotReplicatedError. Any other
 * error of this library reports a fault of the turn, its conversation or its session, so a retry fails again. With
 * `concurrency` `"wait"` or `"reject"`, a retry fails once another turn has taken the conversation.
 *
 * If the failed attempt did take effect, a retry within two minutes does not store the turn again. A later retry may
 * store the turn twice, and so may any retry with a history of another library.
 *
 * @remedy Give the user the answer in `output`. If `cause` is a StoreUnavailableError, a StorageFullError or a
 * NotReplicatedError, call `retry()`.
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
  /** The answer of the runnable, chain or agent. Not enumerable, so that loggers omit it. */
  declare readonly output: unknown;
  /** The operation id of the turn. */
  readonly operationId: string;
  readonly #retry: () => Promise<void>;

  constructor(details: { output: unknown; operationId: string; retry: () => Promise<void>; cause: Error }) {
    // A fault of the turn, its conversation or its session persists, so the message does not recommend retry().
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
   * @throws TurnNotStoredError if the turn still cannot be stored.
   */
  async retry(): Promise<void> {
    await this.#retry();
  }
}

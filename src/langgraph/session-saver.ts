import type { RunnableConfig } from "@langchain/core/runnables";
import type { CheckpointTuple } from "@langchain/langgraph-checkpoint";
import { parsePrune, type PruneOptions } from "../checkpoints/options.js";
import type { BeginningRun, Thread } from "../checkpoints/thread.js";
import {
  ConversationNotFoundError,
  InvalidOptionError,
  OperationConflictError,
  PositionNotFoundError,
} from "../errors.js";
import { looksBeforeInput } from "../frameworks/langchain.js";
import { idSchema, validate } from "../options/validation.js";
import { positionSchema } from "../sessions/positions.js";
import type { Session } from "../sessions/session.js";
import type { SessionStore } from "../sessions/store.js";
import { type Bound, CheckpointSaver } from "./checkpoint-saver.js";
import { parseSessionSaverOptions, type SessionSaverOptions } from "./options.js";

/**
 * A LangGraph checkpointer for sessions. One instance serves all users: each call passes its session, and the session's
 * conversation is the thread. {@link RedisSaver} describes what both promise.
 *
 * - Once the session has ended, its graph can neither read nor write (SessionNotFoundError). Another session of the
 *   same user that continues the conversation also continues the thread.
 * - A write renews the session, the thread and the conversation.
 * - `history.clear()`, `conversations.delete` and `eraseUser` remove the thread in the same script as the messages. A
 *   run that is under way can then no longer write (ThreadDeletedError).
 *
 * @example
 * ```ts
 * const agent = createAgent({ model, tools, checkpointer: new SessionSaver({ sessions }) });
 * await agent.invoke({ messages: "Hi" }, sessionConfig(session));
 * ```
 */
export class SessionSaver extends CheckpointSaver {
  readonly #sessions: SessionStore;
  /** The errors that refused turns when their agents first looked at the thread, by the `context` of the call. */
  readonly #refused = new WeakMap<object, unknown>();

  /** @throws InvalidOptionError when an option is missing, unknown or of the wrong form. */
  constructor(options: SessionSaverOptions) {
    const settings = parseSessionSaverOptions(options);
    super(settings);
    this.#sessions = settings.sessions;
  }

  /**
   * Returns the checkpoint that the config names, or else the latest of its namespace. An agent's input replaces what
   * waits in the thread, so a turn that must not run is refused here, before its input.
   *
   * @throws OperationConflictError when a turn with this `operationId` is already stored.
   * @throws PositionNotFoundError, InvalidOptionError when the turn cannot replace the message that `replaces` names.
   * @throws the errors of `getTuple` of {@link RedisSaver}.
   */
  override async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const { context } = config as { readonly context?: object };
    const isLook = looksBeforeInput(config);
    // `createAgent` ignores an error of its first look at the thread, so its next read throws the error again.
    if (!isLook && context !== undefined && this.#refused.has(context)) {
      const reason = this.#refused.get(context);
      this.#refused.delete(context);
      throw reason;
    }
    // An error of an earlier call with this context does not concern this call.
    if (isLook && context !== undefined) this.#refused.delete(context);
    try {
      return await super.getTuple(config);
    } catch (error) {
      if (isLook && context !== undefined && isRefused(error)) this.#refused.set(context, error);
      throw error;
    }
  }

  /**
   * Removes the thread of the session's conversation, but not the conversation.
   *
   * @param session the session on whose behalf the thread is removed. The saver needs it, because an id alone does not
   * say whose thread it is.
   * @throws InvalidOptionError when `session` is missing.
   * @throws ConversationNotFoundError when the session has another conversation.
   * @throws SessionNotFoundError when the session is not live.
   */
  async deleteThread(threadId: string, session?: Session): Promise<void> {
    await this.#threadBy(threadId, session).remove();
  }

  /**
   * Removes the oldest checkpoints of the session's conversation beyond `keep`, as `prune` of {@link RedisSaver} does.
   *
   * @returns the number of removed checkpoints.
   * @throws the errors of `deleteThread`.
   */
  async prune(threadId: string, { session, ...options }: PruneOptions & { session: Session }): Promise<number> {
    return this.#threadBy(threadId, session).prune(parsePrune(options).keep);
  }

  /** @internal */
  protected threadOf(config: RunnableConfig): Bound {
    const session = sessionOf(config);
    if (session === undefined) {
      throw new InvalidOptionError(
        "context.session",
        "a SessionSaver needs the session of each call: graph.invoke(input, sessionConfig(session)).",
      );
    }
    const thread = this.#sessions.thread(session, this.threadSettings);
    const asked: unknown = config.configurable?.["thread_id"];
    if (asked !== undefined && asked !== null && asked !== thread.id) throw new ConversationNotFoundError();
    // Include the session, so that the config of a snapshot can be used as it is.
    return { thread, configurable: { session }, begins: beginningOf(config) };
  }

  /** @internal */
  protected threadsOf(config: RunnableConfig): Bound[] {
    return [this.threadOf(config)];
  }

  #threadBy(threadId: string, session: Session | undefined): Thread {
    if (session === undefined) {
      throw new InvalidOptionError(
        "session",
        "pass the session whose thread it is, or use sessions.conversations.delete(owner, id).",
      );
    }
    return this.threadOf({ configurable: { session, thread_id: threadId } }).thread;
  }
}

/** Returns true for an error with which `sessionMiddleware` would refuse the turn too. */
function isRefused(error: unknown): boolean {
  return (
    error instanceof OperationConflictError ||
    error instanceof PositionNotFoundError ||
    (error instanceof InvalidOptionError && error.option === "replaces")
  );
}

/** Returns the session of a call. LangGraph passes the caller's `context` and `configurable` on to savers. */
function sessionOf(config: RunnableConfig): Session | undefined {
  const { context } = config as { readonly context?: { readonly session?: Session } };
  return context?.session ?? (config.configurable?.["session"] as Session | undefined);
}

/**
 * Returns the turn of an agent that is about to receive an input, if the turn has an operation id or replaces messages,
 * and so may have to begin the thread anew.
 *
 * @throws InvalidOptionError for a malformed operation id or position.
 */
function beginningOf(config: RunnableConfig): BeginningRun | undefined {
  const { context } = config as { readonly context?: { readonly operationId?: unknown; readonly replaces?: unknown } };
  const [operationId, replaces] = [textOf(context?.operationId), textOf(context?.replaces)];
  if (operationId === undefined && replaces === undefined) return undefined;
  if (!looksBeforeInput(config)) return undefined;
  if (operationId !== undefined) validate(idSchema(), "operationId", operationId);
  return {
    operationId,
    replaces: replaces === undefined ? undefined : validate(positionSchema(), "replaces", replaces),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

import { observe } from "../diagnostics/operations.js";
import type { BaseMessage } from "@langchain/core/messages";
import type { Answer } from "../answers/answer.js";
import { eventId } from "../answers/event-ids.js";
import { answerEvent, type AnswerEvent, followAnswer, isFollowable } from "../answers/follow.js";
import type { AnswerPlace } from "../answers/place.js";
import { openEntries } from "../chat-history/entries.js";
import { InvalidOptionError } from "../errors.js";
import { digestOf } from "../options/digest.js";
import { decodeMessages } from "../codec/decode.js";
import { Budget } from "../redis/budget.js";
import { answerChannel, type OwnerKeys } from "../redis/keys.js";
import { currentAnswerScript } from "../redis/scripts/answer/current.js";
import { stopAnswerScript } from "../redis/scripts/answer/stop.js";
import { newOperationId } from "../redis/operation.js";
import { run, write } from "../redis/send.js";
import { type BeginAnswer, type FollowAnswer, parseFollow, parseStop } from "./answer-options.js";
import { type AnswerStore, beginAnswer } from "./begin-answer.js";
import type { SessionRef } from "./options.js";
import { connectionOfOwner } from "./owner-keys.js";

/** The turn that runs, waits for a person, or was interrupted and can be asked again. */
export interface CurrentAnswer {
  /** Begin an answer with it, and `question` as the input, to ask again. */
  operationId: string;
  /** What the user said. */
  question: BaseMessage[];
  /** The position of the first message of the question. Absent when the question is to replace messages. */
  position?: string;
  /** The position of the first message that the turn is to replace. */
  replaces?: string;
  startedAt: Date;
  /**
   * `"running"`: follow it. `"waiting"`: it waits for a person; begin an answer with its `operationId` and without an input.
   * `"interrupted"`: it broke off.
   */
  state: "running" | "waiting" | "interrupted";
}

/**
 * The answers in flight of a session's conversation: `sessions.answers(session)`.
 *
 * An answer is in the conversation from its first moment: `begin` stores the question as a turn that is not finished. The
 * turn that answers ends it in the script that stores the turn. Meanwhile any process, and any session of the user on that
 * conversation, can follow what is sent, and stop it. When the process that answers dies, everybody who looks knows it within
 * the lease: then the answer is interrupted, and the question can be asked again.
 *
 * A reader that leaves does not stop an answer. `stop()` does, and so do the end of the session that asked, and whatever cuts
 * the conversation.
 *
 * @example
 * ```ts
 * const answers = sessions.answers(session);
 * for await (const event of answers.follow({ after: request.headers["last-event-id"] })) write(event);
 * ```
 */
export class Answers {
  readonly #store: AnswerStore;
  readonly #keys: OwnerKeys;
  readonly #session: SessionRef;
  readonly #place: AnswerPlace;

  /** @internal Made by `SessionStore`. */
  constructor(store: AnswerStore, keys: OwnerKeys, session: SessionRef) {
    this.#store = store;
    this.#keys = keys;
    this.#session = session;
    const { id, conversationId } = session;
    this.#place = {
      connection: connectionOfOwner({ ...store.settings, compress: false }, keys, session),
      channels: store.channels,
      channel: answerChannel(keys.base, conversationId),
      keys: {
        record: keys.session(id),
        index: keys.sessions,
        conversation: keys.conversation(conversationId),
        messages: keys.messages(conversationId),
        ...keys.turns(conversationId),
        ...keys.answer(conversationId),
      },
      sessionId: id,
      conversationId,
      ttlMilliseconds: store.settings.conversationMilliseconds,
    };
  }

  /**
   * Begins an answer: takes the conversation, and stores the question, in one script. Give the answer to the runnable or agent
   * that answers, and close it in a `finally` block.
   *
   * @throws ConversationBusyError when another turn runs. Its `operationId` tells whether that is the same request.
   * @throws OperationConflictError when the turn of the operation id is stored.
   * @throws AnswerStoppedError with `supersede`, when a later request took the place of this one while it waited.
   * @throws PositionNotFoundError, InvalidOptionError for `replaces`.
   * @throws SessionNotFoundError, ConversationChangedError, StorageFullError, InvalidOptionError: nothing was changed.
   * @throws StoreUnavailableError; when it is `indeterminate`, repeat the request with its `operationId`.
   *
   * @example
   * ```ts
   * const answer = await answers.begin({ operationId: request.headers["idempotency-key"], input: "Hi" });
   * ```
   */
  begin(options: BeginAnswer): Promise<Answer> {
    return beginAnswer(this.#store, this.#keys, this.#session, this.#place, options);
  }

  /**
   * Follows the answer of the conversation: yields what was sent behind `after`, then what is sent, and then one last event
   * with an `end`. Ends at once, without an event, when there is no answer. Of an earlier answer than the latest, only the end
   * is known.
   *
   * @throws InvalidOptionError for an option of the wrong form.
   * @throws SessionNotFoundError when the session that follows is not live, or ends meanwhile.
   * @throws ConversationNotFoundError when the conversation is another agent's.
   * @throws StoreUnavailableError when Redis does not answer at the beginning. Later, the following goes on when it is back.
   *
   * @example
   * ```ts
   * for await (const event of answers.follow()) {
   *   if ("event" in event) process.stdout.write(event.event.text);
   * }
   * ```
   */
  follow(options: FollowAnswer = {}): AsyncGenerator<AnswerEvent, void> {
    const { operationId = "", after = "", signal } = parseFollow(options);
    const { feeds, watch: watchOf } = this.#store;
    const place = this.#place;
    return (async function* watched() {
      const watch = watchOf();
      const observation = observe("answer.follow", place.connection.subject);
      let outcome = "left";
      try {
        for await (const event of followAnswer(feeds, place, { operationId, after, signal, watch: watch.signal })) {
          if ("end" in event) outcome = event.end;
          yield event;
        }
      } catch (error) {
        observation?.fail(error);
        throw error;
      } finally {
        observation?.end({ outcome });
        watch.release();
      }
    })();
  }

  /**
   * @internal Returns whether `follow` would yield anything.
   *
   * @throws InvalidOptionError, SessionNotFoundError, ConversationNotFoundError, StoreUnavailableError, as `follow` does.
   */
  async isFollowable(options: FollowAnswer): Promise<boolean> {
    const { operationId = "", after = "" } = parseFollow(options);
    return isFollowable(this.#place, { operationId, after });
  }

  /**
   * @internal Yields the events of an answer that was begun in this process, from memory, and then how it ended. The ids are
   * those that `follow` yields.
   *
   * @throws InvalidOptionError for an answer of another conversation.
   */
  serve(answer: Answer, signal: AbortSignal): AsyncGenerator<AnswerEvent, void> {
    if (!answer.isOf(this.#session)) throw new InvalidOptionError("answer", "it is one of another conversation.");
    const { run: name } = answer.begun;
    const follow = (after: string): AsyncGenerator<AnswerEvent, void> => this.follow({ after, signal });
    return (async function* served() {
      let latest = eventId(name, 0);
      for await (const logged of answer.sent(0, signal)) {
        const event = answerEvent(name, logged);
        latest = event.id;
        yield event;
      }
      yield* follow(latest);
    })();
  }

  /**
   * Returns the answer that runs, waits for a person, or was interrupted and can be asked again, if there is one.
   *
   * @throws SessionNotFoundError, ConversationNotFoundError, StoreUnavailableError.
   * @throws CorruptMessageError for a question that cannot be read.
   *
   * @example
   * ```ts
   * const current = await answers.current();
   * if (current?.state === "interrupted") askAgain(current.operationId, current.question);
   * ```
   */
  async current(): Promise<CurrentAnswer | undefined> {
    const { connection, channel, keys, sessionId } = this.#place;
    const { record, index, conversation, messages, lease, holder, answer, events } = keys;
    const budget = new Budget(connection);
    const found = await run(connection, currentAnswerScript, {
      keys: { record, index, conversation, messages, lease, holder, answer, events },
      arguments: { sessionId, channel },
    });
    if (found.outcome === "none") return undefined;
    const { operationId, position, replaces, startedAt, state, lineage, entries } = found;
    const { maxMessageBytes: maxBytes } = this.#store.settings;
    const kept = await openEntries(budget.connection(), entries, { within: lineage, maxBytes });
    return {
      operationId,
      question: decodeMessages(kept, 0, "throw"),
      ...(position === "" ? {} : { position }),
      ...(replaces === "" ? {} : { replaces }),
      startedAt: new Date(Number(startedAt)),
      state,
    };
  }

  /**
   * Stops the turn that runs, in whatever process. It is told at once; what it has so far is kept, as its `onInterrupt` says.
   *
   * @param options with `operationId`, only an answer of that turn is stopped.
   * @returns true when something was running.
   * @throws SessionNotFoundError, ConversationNotFoundError, StoreUnavailableError, InvalidOptionError.
   *
   * @example
   * ```ts
   * await answers.stop();
   * ```
   */
  async stop(options: { operationId?: string | undefined } = {}): Promise<boolean> {
    const { operationId = "" } = parseStop(options);
    const { connection, channel, keys, sessionId } = this.#place;
    const { record, index, conversation, lease, holder, answer, events, stop } = keys;
    const once = newOperationId();
    const { outcome } = await write(connection, stopAnswerScript, {
      keys: { record, index, conversation, lease, holder, answer, events, stop, operation: this.#keys.operation(once) },
      arguments: { digest: digestOf("stop", operationId), sessionId, channel, operationId },
    });
    return outcome !== "idle";
  }
}

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

/** The turn that runs, waits for a person, or was interrupted so that its question can be asked again. */
export interface CurrentAnswer {
  /** The operation id of the turn. To ask again, begin an answer with this id and with `question` as its input. */
  operationId: string;
  /** What the user said. */
  question: BaseMessage[];
  /** The position of the first message of the question. Absent if the question will replace messages. */
  position?: string;
  /** The position of the first message that the turn will replace. */
  replaces?: string;
  /** The time at which the answer began, by the server's clock. */
  startedAt: Date;
  /**
   * `"running"`: follow the answer. `"waiting"`: the turn waits for a person; begin an answer with its `operationId` and
   * without an input. `"interrupted"`: the turn broke off.
   */
  state: "running" | "waiting" | "interrupted";
}

/**
 * The answers in flight of a session's conversation: `sessions.answers(session)`.
 *
 * The question is in the conversation from the first moment: `begin` stores it as an unfinished turn. The script that stores
 * the finished turn also ends the answer. Meanwhile any process, and any session of the user on that conversation, can
 * follow the answer and stop it. If the answering process dies, the answer counts as interrupted once its lease has lapsed,
 * and the question can be asked again.
 *
 * A reader that leaves does not stop an answer. An answer is stopped by `stop()`, by the end of the session that asked, and
 * by any call that clears, deletes, rewinds or erases the conversation.
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

  /** @internal Created by `SessionStore`. */
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
   * Begins an answer: one script takes the conversation and stores the question. Pass the answer to the runnable or agent
   * that answers, and close it in a `finally` block.
   *
   * @throws ConversationBusyError if another turn runs. Compare the error's `operationId` with yours: it may be the same
   * request.
   * @throws OperationConflictError if the turn with this `operationId` is already stored. Read the stored answer instead.
   * @throws AnswerStoppedError with `supersede`, if a later request took the place of this one while it waited.
   * @throws PositionNotFoundError if the message at `replaces` is gone, or belongs to another conversation.
   * @throws InvalidOptionError if an option is missing, unknown or invalid, or `replaces` is not a user's message.
   * @throws SessionNotFoundError if the session is not live.
   * @throws ConversationChangedError, StorageFullError. Nothing was changed.
   * @throws StoreUnavailableError otherwise. If it is `indeterminate`, repeat the request with its `operationId`.
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
   * Follows the answer of the conversation: yields the events behind `after`, then new events as they are sent, and last one
   * event with an `end`. Yields nothing if there is no answer. Only the latest answer has its events; of an earlier one, only
   * the end is yielded.
   *
   * @throws InvalidOptionError if an option is unknown or invalid.
   * @throws SessionNotFoundError if the following session is not live, or ends meanwhile.
   * @throws ConversationNotFoundError if the conversation belongs to another agent.
   * @throws StoreUnavailableError if Redis does not answer at the beginning. Later, the generator waits until Redis is back.
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
   * @internal Returns `true` if `follow` would yield anything.
   *
   * @throws InvalidOptionError, SessionNotFoundError, ConversationNotFoundError, StoreUnavailableError, as `follow` does.
   */
  async isFollowable(options: FollowAnswer): Promise<boolean> {
    const { operationId = "", after = "" } = parseFollow(options);
    return isFollowable(this.#place, { operationId, after });
  }

  /**
   * @internal Yields the events of an answer that this process began, from memory, and then its end. The ids are those that
   * `follow` yields.
   *
   * @throws InvalidOptionError if the answer belongs to another conversation.
   */
  serve(answer: Answer, signal: AbortSignal): AsyncGenerator<AnswerEvent, void> {
    if (!answer.isOf(this.#session)) {
      throw new InvalidOptionError("answer", "it belongs to another conversation; pass an answer of this session's.");
    }
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
   * Returns the answer that runs, waits for a person, or was interrupted so that its question can be asked again. Returns
   * `undefined` if there is none.
   *
   * @throws SessionNotFoundError if the session is not live.
   * @throws ConversationNotFoundError if the conversation belongs to another agent.
   * @throws CorruptMessageError if the question cannot be read.
   * @throws StoreUnavailableError if Redis did not answer within `deadline`.
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
   * Stops the running turn, in any process. The turn is notified at once. Its `onInterrupt` decides what is kept of it.
   *
   * @param options with `operationId`, only an answer of that turn is stopped.
   * @returns `true` if a turn was running.
   * @throws SessionNotFoundError if the session is not live.
   * @throws ConversationNotFoundError if the conversation belongs to another agent.
   * @throws InvalidOptionError if an option is unknown or invalid.
   * @throws StoreUnavailableError if Redis did not answer within `deadline`.
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

import { type Observation, observe } from "../diagnostics/operations.js";
import type { BaseChatMessageHistory, BaseListChatMessageHistory } from "@langchain/core/chat_history";
import type { BaseMessage } from "@langchain/core/messages";
import { conversationOf, type RedisChatMessageHistory } from "../chat-history/history.js";
import { decodeMessages } from "../codec/decode.js";
import type { Answer } from "../answers/answer.js";
import type { ClosingEnd } from "../answers/event-log.js";
import type { Batch, Fence, HeldLease } from "../chat-history/message-log.js";
import type { Beginning, OpenConversation, TurnBegun } from "../chat-history/open-conversation.js";
import { type AnswerStoppedError, InvalidOptionError, isLangChainRedisError, TurnNotStoredError } from "../errors.js";
import { newName } from "../options/ids.js";
import { hasMethods } from "../options/validation.js";
import { interruptedTurn } from "../messages/interrupted.js";
import type { PartOfTurn } from "../redis/scripts/fragments/unfinished.js";
import { digestOf } from "../options/digest.js";
import { newOperationId, operationIdOf } from "../redis/operation.js";
import { type Hold, type LeaseOptions, takeLease, type TurnLease } from "./turn-lease.js";
import type { TurnSettings } from "./turn-options.js";

/** A history of this library, or any other history of LangChain. */
export type AnyHistory = BaseChatMessageHistory | BaseListChatMessageHistory;

/** Returns true for an object with the methods of a history. */
export function isHistory(value: unknown): value is AnyHistory {
  return hasMethods(value, ["getMessages", "addMessages", "clear"]);
}

/** The options that one call of a runnable or agent passes to its turn. */
export type TurnCall = Beginning &
  Pick<LeaseOptions, "signal" | "sign"> & {
    /** The answer in flight that the turn continues and ends. */
    readonly answer?: Answer | undefined;
  };

/** The result of the runnable, chain or agent for a turn, or for a part of it. */
export interface Result {
  /** Returns the messages to store. If it throws, that error is the reason why they are not stored. */
  readonly messages: () => readonly BaseMessage[];
  /** The answer for the caller, who must not lose it if the turn cannot be stored. */
  readonly output: unknown;
}

/** The kind of a write: a part of a turn that goes on, the messages so far of an interrupted turn, or the rest of the turn. */
type Kind = PartOfTurn["kind"];

/** The codes of failures that may have passed before the lease runs out. */
const PASSING: ReadonlySet<string> = new Set(["STORE_UNAVAILABLE", "STORAGE_FULL"]);

/** The record of a paused run of a turn. */
export interface PausedRun {
  readonly operationId: string;
  readonly attempt: string;
  readonly named: boolean;
  /** The mark of the latest clear that its read saw. */
  readonly seen: string;
  readonly fence: Fence | undefined;
  /** The number of parts that it has stored. */
  readonly stored: number;
  /** True if the whole turn is stored. An agent may end more than once. */
  readonly ended: boolean;
  readonly lease: string | undefined;
}

/** A turn whose conversation has been read. */
type Begun = Pick<PausedRun, "operationId"> &
  Partial<Pick<PausedRun, "attempt" | "named" | "stored" | "ended">> &
  Partial<Pick<TurnBegun, "fence" | "repeats" | "replaced">> & {
    readonly past: readonly BaseMessage[];
    readonly beginning?: Beginning;
    readonly lease?: Hold | undefined;
    readonly answer?: Answer | undefined;
  };

/** The parts of a turn that continues an answer in flight. */
interface Adoption {
  readonly history: AnyHistory;
  readonly conversation: OpenConversation;
  readonly settings: TurnSettings;
  readonly beginning: Beginning;
  /** The mark of the latest clear that the beginning of the answer saw. */
  readonly seen: string;
  readonly known: Omit<Begun, "past">;
}

/**
 * One turn, from the read of its conversation to the append of its messages. A turn ends once: stored, interrupted or
 * abandoned.
 */
export class Turn {
  readonly operationId: string;
  /** The messages of the conversation when the turn began. With a window, its newest part. */
  readonly past: readonly BaseMessage[];
  readonly #history: AnyHistory;
  /** Absent for a history of another library. */
  readonly #conversation: OpenConversation | undefined;
  readonly #settings: TurnSettings;
  readonly #lease: Hold | undefined;
  readonly #answer: Answer | undefined;
  readonly #beginning: Beginning;
  /** True if the caller chose the operation id. */
  readonly #named: boolean;
  /** True if an earlier run of the turn left parts. */
  readonly #repeats: boolean;
  /** The entry of the first message that the turn replaces. */
  readonly #replaced: TurnBegun["replaced"];
  /** The messages that the next write of the turn replaces. */
  #fence: Fence | undefined;
  /** A random name of this run. */
  #attempt: string;
  /** The number of parts that this run has stored. */
  #stored: number;
  /** True if the whole turn was stored before this object resumed it. Later messages are then appended. */
  readonly #isMore: boolean;
  #ended = false;
  #observation: Observation | undefined;
  /** The end of the answer, if no write of this turn ends it. */
  #closing: ClosingEnd = "interrupted";
  /** Settles when the latest write has ended. */
  #writing: Promise<unknown> = Promise.resolve();
  /** Ends the turn when its answer is closed. */
  #whenClosed: () => Promise<void> = async () => this.abandon();

  private constructor(history: AnyHistory, settings: TurnSettings, begun: Begun) {
    this.#history = history;
    this.#conversation = conversationOf(history);
    this.#settings = settings;
    this.operationId = begun.operationId;
    this.#attempt = begun.attempt ?? newName();
    this.past = begun.past;
    this.#beginning = begun.beginning ?? {};
    this.#named = begun.named ?? false;
    this.#repeats = begun.repeats ?? false;
    this.#replaced = begun.replaced;
    this.#fence = begun.fence;
    this.#stored = begun.stored ?? 0;
    this.#isMore = begun.ended ?? false;
    this.#lease = begun.lease;
    this.#answer = begun.answer;
  }

  /**
   * Begins a turn: reads the conversation. With a `concurrency` other than `"allow"`, first waits until this turn has the
   * conversation.
   *
   * The past does not include the messages that earlier runs under the same operation id left. The first write of this turn
   * replaces them.
   *
   * @throws InvalidOptionError if the operation id is invalid, or an option needs a history of this library.
   * @throws OperationConflictError if that turn, or another write with this operation id, is already stored.
   * @throws PositionNotFoundError, InvalidOptionError for the message that the turn replaces.
   * @throws ConversationBusyError if another turn has the conversation.
   * @throws what `getMessages()` throws.
   */
  static async begin(history: AnyHistory, settings: TurnSettings, call: TurnCall): Promise<Turn> {
    return Turn.#observed(observationOf(history), Turn.#begin(history, settings, call));
  }

  static async #observed(observation: Observation | undefined, beginning: Promise<Turn>): Promise<Turn> {
    try {
      const turn = await beginning;
      turn.#observation = observation;
      return turn;
    } catch (error) {
      observation?.fail(error);
      throw error;
    }
  }

  static async #begin(history: AnyHistory, settings: TurnSettings, call: TurnCall): Promise<Turn> {
    const { operationId: chosen, replaces } = call;
    const operationId = operationIdOf(chosen === undefined ? undefined : { operationId: chosen });
    const conversation = conversationOf(history);
    if (conversation === undefined) {
      refuseWhatOnlyOursCan(settings, call);
      return new Turn(history, settings, { operationId, past: await history.getMessages() });
    }
    if (call.answer !== undefined) return Turn.#adopt(history, conversation, settings, call, call.answer);
    const beginning: Beginning = { operationId: chosen, replaces, said: call.said };
    const read = await readUnderLease(conversation, settings, call, beginning);
    return new Turn(history, settings, { operationId, named: chosen !== undefined, beginning, ...read });
  }

  /** Begins the turn of an answer in flight: under its lease, with its question, and fenced by what its beginning read. */
  static async #adopt(
    history: AnyHistory,
    conversation: OpenConversation,
    settings: TurnSettings,
    { said }: TurnCall,
    answer: Answer,
  ): Promise<Turn> {
    const { operationId, attempt, seen, question, stored, fence, isAnew } = answer.begun;
    // A turn that waited for a person has no new question, and its stored question belongs to the past.
    const around = question.length > 0 ? stored : undefined;
    const beginning: Beginning = { operationId, attempt, replaces: fence?.from, said, question: around };
    const known = { operationId, attempt, named: true, fence, stored: stored === undefined ? 0 : 1, repeats: isAnew };
    return Turn.#behind(answer, { history, conversation, settings, beginning, seen, known });
  }

  /** Gives an answer to the turn that begins with this read. No other turn can get it, even if this one fails to begin. */
  static async #behind(
    answer: Answer,
    { history, conversation, settings, beginning, seen, known }: Adoption,
  ): Promise<Turn> {
    let turn: Turn | undefined;
    answer.adopt({ end: async () => (await turn?.close()) ?? "interrupted" });
    const read = await conversation.begin(beginning);
    conversation.resume(seen);
    turn = new Turn(history, settings, { ...read, ...known, beginning, lease: holdOf(answer), answer });
    return turn;
  }

  /** Returns a turn whose caller has already read the history, or chose not to. */
  static over(history: AnyHistory, settings: TurnSettings): Turn {
    return new Turn(history, settings, { operationId: newOperationId(), past: [] });
  }

  /**
   * Resumes a turn that was paused, or began in another process. Gives back the lease that the turn held there, because no
   * one else would.
   *
   * @param run the record of the paused turn.
   * @throws ConversationBusyError if another turn has the conversation.
   * @throws what `getMessages()` throws.
   */
  static async resume(
    history: RedisChatMessageHistory,
    settings: TurnSettings,
    call: Pick<TurnCall, "signal" | "sign" | "answer">,
    run: PausedRun,
  ): Promise<Turn> {
    return Turn.#observed(observationOf(history), Turn.#resume(history, settings, call, run));
  }

  static async #resume(
    history: RedisChatMessageHistory,
    settings: TurnSettings,
    { signal, sign, answer }: Pick<TurnCall, "signal" | "sign" | "answer">,
    run: PausedRun,
  ): Promise<Turn> {
    const { operationId, attempt, named, seen, fence, stored, ended, lease: held } = run;
    const conversation = conversationOf(history);
    const beginning: Beginning = { operationId, attempt };
    const known = { operationId, attempt, named, fence, stored, ended };
    if (answer !== undefined) {
      return Turn.#behind(answer, { history, conversation, settings, beginning, seen, known });
    }
    // Ignore a failure, because the lease also runs out by itself.
    if (held !== undefined) await conversation.log.release(held).catch(() => {});
    const read = await readUnderLease(conversation, settings, { signal, sign }, beginning);
    conversation.resume(seen);
    return new Turn(history, settings, { ...read, ...known, beginning });
  }

  /** Returns the mark of the latest clear that the turn's read saw, for `resume`. */
  get seen(): string {
    return this.#conversation?.seen ?? "";
  }

  /** Returns the random name of this run of the turn, which differs from that of other runs under the same operation id. */
  get attempt(): string {
    return this.#attempt;
  }

  /** Goes on as another run of the turn, because the stored parts of this one were removed. */
  beginAgain(): void {
    this.#attempt = newName();
    this.#stored = 0;
  }

  /** Returns the fence of the messages that the turn replaces, for `resume`. */
  get fence(): Fence | undefined {
    return this.#fence;
  }

  /** Returns true if an earlier run of the turn left parts, or if the turn replaces messages. */
  get beginsAnew(): boolean {
    return this.#repeats || this.#fence !== undefined;
  }

  /** Returns the first message that the turn replaces. */
  get replaced(): BaseMessage | undefined {
    const entry = this.#replaced;
    return entry === undefined ? undefined : decodeMessages([entry], 0, "skip")[0];
  }

  /** Returns a signal that aborts with an AnswerStoppedError when the turn has to stop. A turn without a lease has none. */
  get signal(): AbortSignal | undefined {
    return this.#lease?.signal;
  }

  /** Returns true if an answer in flight has already stored the question of this turn. */
  get isAsked(): boolean {
    return this.#answer?.begun.stored !== undefined;
  }

  /** Sets the function that ends the turn if its answer is closed first. */
  whenClosed(end: () => Promise<void>): void {
    this.#whenClosed = end;
  }

  /** Ends the turn if it has not ended. Returns the end of its answer, in case no write has ended it. */
  async close(): Promise<ClosingEnd> {
    await this.#whenClosed().catch(() => {});
    // A write may be under way. It needs the lease, which the end of the answer gives back.
    await this.#writing.catch(() => {});
    return this.#closing;
  }

  /** Ends this run of the turn, because it waits for a person and has nothing left to store. */
  wait(): void {
    this.#ended = true;
    this.#observation?.end({ outcome: "waiting" });
    this.#closing = "waiting";
  }

  /** Returns true if the caller chose the operation id, for `resume`. */
  get named(): boolean {
    return this.#named;
  }

  /** Returns all messages in front of the turn, including those that a window hides. Takes a round trip. */
  async everything(): Promise<readonly BaseMessage[]> {
    return this.#conversation?.readAll(this.#beginning) ?? this.past;
  }

  /** Returns the token of the lease under which the turn holds its conversation, for `resume`. */
  get lease(): string | undefined {
    return this.#lease?.token;
  }

  /** Returns true if the conversation accepts these messages in one append. */
  canStore(messages: readonly BaseMessage[]): boolean {
    try {
      this.#conversation?.encode(messages);
      return true;
    } catch (error) {
      if (isLangChainRedisError(error) && error.code === "INVALID_OPTION") return false;
      throw error;
    }
  }

  /**
   * Stores the turn, or the rest of it, once and whole.
   *
   * @throws TurnNotStoredError if it could not be stored, for any reason.
   */
  async store(result: Result): Promise<void> {
    this.#ended = true;
    await this.#write(result, "last", { ending: "stored" });
  }

  /**
   * Stores the messages of a turn that waits for a person, and gives the conversation back. A turn with an answer in flight
   * goes on under its operation id when it is resumed. A turn without one ends here, and its resumption is another turn.
   *
   * @throws TurnNotStoredError if it could not be stored, for any reason.
   */
  async pause(result: Result): Promise<void> {
    if (this.#answer === undefined) {
      await this.store(result);
      return;
    }
    this.wait();
    await this.#write(result, "part", { ending: "waiting" });
  }

  /**
   * Stores a part of the turn, which goes on.
   *
   * @throws TurnNotStoredError if the part could not be stored, for any reason. The turn has ended then.
   */
  async storeStep(result: Result): Promise<void> {
    try {
      await this.#write(result, "part", { ending: undefined });
    } catch (error) {
      this.#ended = true;
      throw error;
    }
  }

  /**
   * Stores the messages so far of an interrupted turn. With `onInterrupt: "discard"`, removes its stored parts instead. A
   * turn that replaces messages leaves them as they are, unless a caller stopped it. No caller waits for the turn any more, so
   * failures go to `onError`.
   */
  async interrupt(messages: () => readonly BaseMessage[]): Promise<void> {
    if (this.#ended) return;
    const { onInterrupt, tellError } = this.#settings;
    const ending = this.#stopped ?? "interrupted";
    // Only a caller that stopped the turn wants its messages so far in place of the old ones.
    if (this.#fence !== undefined && (ending === "interrupted" || onInterrupt === "discard")) {
      this.abandon();
      return;
    }
    this.#ended = true;
    let partial: readonly BaseMessage[] = [];
    const result: Result = {
      messages: () => (partial = onInterrupt === "keep" ? interruptedTurn(messages()) : []),
      get output() {
        return partial;
      },
    };
    try {
      await this.#write(result, "provisional", { ending });
    } catch (error) {
      tellError(error);
    }
  }

  /** Returns the end of the answer if the turn was stopped. */
  get #stopped(): "stopped" | "superseded" | undefined {
    const reason: unknown = this.#lease?.signal.reason;
    if (!isLangChainRedisError(reason) || reason.code !== "ANSWER_STOPPED") return undefined;
    return (reason as AnswerStoppedError).reason === "stop" ? "stopped" : "superseded";
  }

  /** Ends the turn without storing anything. */
  abandon(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#observation?.end({ outcome: "abandoned" });
    void this.#lease?.release();
  }

  /**
   * Returns the operation id of a write.
   *
   * @param content the encoded messages of the write.
   */
  #nameOf(kind: Kind, content: readonly string[]): string {
    // Only the last part takes the turn's own id, so that a repeated request is refused only once its whole turn is stored.
    if (kind === "last" && !this.#isMore) return this.operationId;
    // A run can be interrupted again in another process. The content in the id makes sure that the same part is stored once.
    const parts = kind === "provisional" ? ["interrupted", ...content] : ["part", String(this.#stored)];
    return digestOf(this.operationId, this.attempt, ...parts);
  }

  #tellEnd(ending: Batch["ending"]): void {
    if (ending !== undefined) this.#observation?.end({ outcome: ending });
  }

  /** Returns the turn's data for a write, or `undefined` if this write stores the whole turn and no other run of it exists. */
  #partOf(kind: Kind): PartOfTurn | undefined {
    const { operationId, attempt } = this;
    const written = this.#stored > 0;
    const isAlone = kind === "last" && !written && !this.#named && this.#beginning.attempt === undefined;
    const asked = this.#answer?.begun.stored?.length;
    return isAlone || this.#isMore ? undefined : { operationId, named: this.#named, attempt, written, kind, asked };
  }

  /**
   * Writes messages of the turn. Gives the lease back, unless the turn goes on.
   *
   * @param ending the end of the turn's answer, if it has one. `undefined` if the turn goes on.
   * @param name the operation id of a failed attempt, which a retry keeps.
   */
  #write(result: Result, kind: Kind, how: { readonly ending: Batch["ending"]; readonly name?: string }): Promise<void> {
    const writing = this.#writeNow(result, kind, how);
    this.#writing = writing;
    return writing;
  }

  async #writeNow(
    result: Result,
    kind: Kind,
    { ending, name }: { readonly ending: Batch["ending"]; readonly name?: string },
  ): Promise<void> {
    const [conversation, lease] = [this.#conversation, this.#lease];
    const after: HeldLease["after"] = ending === undefined ? "keep" : "release";
    let operationId = name ?? this.#nameOf(kind, []);
    try {
      const messages = [...result.messages()];
      if (conversation === undefined) {
        if (messages.length > 0) await this.#history.addMessages(messages);
        this.#tellEnd(ending);
        return;
      }
      const batch = conversation.encode(messages);
      operationId = name ?? this.#nameOf(kind, batch.encoded);
      const write = {
        operationId,
        lease: lease && { token: lease.token, after },
        turn: this.#partOf(kind),
        ending: this.#answer && ending,
      };
      const isEmpty = batch.encoded.length === 0;
      // With no new messages, the stored parts are the whole turn, or, with "discard", are removed.
      const concludes =
        isEmpty &&
        this.#stored > 0 &&
        (kind === "last" || (kind === "provisional" && this.#settings.onInterrupt === "discard"));
      if (concludes) await conversation.conclude(write);
      else await conversation.append(batch, { ...write, fence: this.#fence });
      if (!isEmpty) this.#fence = undefined;
      this.#tellEnd(ending);
      if (after === "keep") {
        if (!isEmpty) this.#stored += 1;
        return;
      }
      // The script of a write has already given the conversation back.
      if (concludes || !isEmpty) lease?.stop();
      else await lease?.release();
    } catch (error) {
      const cause = withoutContent(error);
      this.#observation?.fail(cause);
      // After these failures a retry may succeed while the lease lasts, so keep it. After any other failure, a retry fails.
      if (isLangChainRedisError(cause) && PASSING.has(cause.code)) lease?.stop();
      else void lease?.release();
      if (ending === "stored") this.#closing = "failed";
      const retry = (): Promise<void> => this.#write(result, kind, { ending, name: operationId });
      throw new TurnNotStoredError({ output: result.output, operationId, retry, cause });
    }
  }
}

/** Returns the lease of an answer as a hold. The answer renews it and gives it back. */
function holdOf({ begun: { token }, signal }: Answer): Hold {
  return { token, signal, stop: () => {}, release: async () => {} };
}

function observationOf(history: AnyHistory): Observation | undefined {
  return observe("turn", conversationOf(history)?.log.subject);
}

/** Takes the conversation, unless `concurrency` is `"allow"`, and reads it. */
async function readUnderLease(
  conversation: OpenConversation,
  settings: TurnSettings,
  { signal, sign }: Pick<TurnCall, "signal" | "sign">,
  beginning: Beginning,
): Promise<TurnBegun & { readonly lease: TurnLease | undefined }> {
  const { concurrency, leaseMilliseconds, waitForMilliseconds } = settings;
  if (concurrency === "interrupt" && conversation.log.listen === undefined) {
    throw new InvalidOptionError(
      "concurrency",
      'use "interrupt" with sessions only: other histories cannot stop a turn.',
    );
  }
  const lease =
    concurrency === "allow"
      ? undefined
      : await takeLease(conversation.log, { concurrency, leaseMilliseconds, waitForMilliseconds, signal, sign });
  try {
    return { ...(await conversation.begin(beginning)), lease };
  } catch (error) {
    void lease?.release();
    throw error;
  }
}

function refuseWhatOnlyOursCan({ concurrency }: TurnSettings, { operationId, replaces, answer }: TurnCall): void {
  const advice = "needs a RedisChatMessageHistory; this history is of another library.";
  if (answer !== undefined) throw new InvalidOptionError("answer", advice);
  if (replaces !== undefined) throw new InvalidOptionError("replaces", advice);
  if (concurrency !== "allow") throw new InvalidOptionError("concurrency", `"${concurrency}" ${advice}`);
  if (operationId !== undefined) throw new InvalidOptionError("configurable.operationId", advice);
}

/** Returns the error without content. An error of another library may quote the messages, so only its name is kept. */
function withoutContent(error: unknown): Error {
  if (isLangChainRedisError(error)) return error;
  return new Error(error instanceof Error ? error.name : "unknown failure");
}

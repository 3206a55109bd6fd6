import { type Observation, observe } from "../diagnostics/operations.js";
import { randomBytes } from "node:crypto";
import type { BaseChatMessageHistory, BaseListChatMessageHistory } from "@langchain/core/chat_history";
import type { BaseMessage } from "@langchain/core/messages";
import { conversationOf, type RedisChatMessageHistory } from "../chat-history/history.js";
import { decodeMessages } from "../codec/decode.js";
import type { Answer } from "../answers/answer.js";
import type { ClosingEnd } from "../answers/event-log.js";
import type { Batch, Fence, HeldLease } from "../chat-history/message-log.js";
import type { Beginning, OpenConversation, TurnBegun } from "../chat-history/open-conversation.js";
import { type AnswerStoppedError, InvalidOptionError, isLangChainRedisError, TurnNotStoredError } from "../errors.js";
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

/** What one call of a runnable or agent passes to its turn. */
export type TurnCall = Beginning &
  Pick<LeaseOptions, "signal" | "sign"> & {
    /** The answer in flight that the turn goes on with. */
    readonly answer?: Answer | undefined;
  };

/** What the runnable, chain or agent made of a turn, or of a part of it. */
export interface Result {
  /** Called when the messages are to be stored. What it throws is the reason why they are not stored. */
  readonly messages: () => readonly BaseMessage[];
  /** The answer for the caller, who must not lose it when it cannot be stored. */
  readonly output: unknown;
}

/** What a write stores: a part of a turn that goes on, what there is of an interrupted turn, or the rest of the turn. */
type Kind = PartOfTurn["kind"];

/** The codes of failures that may have passed before the lease runs out. */
const PASSING: ReadonlySet<string> = new Set(["STORE_UNAVAILABLE", "STORAGE_FULL"]);

/** What is known of a run of a turn that has paused. */
export interface PausedRun {
  readonly operationId: string;
  readonly attempt: string;
  readonly named: boolean;
  /** The clear that its read saw. */
  readonly seen: string;
  readonly fence: Fence | undefined;
  /** How many parts it has stored. */
  readonly stored: number;
  /** Whether the turn is stored as a whole: an agent may end more than once. */
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

/** What a turn knows that goes on with an answer. */
interface Adoption {
  readonly history: AnyHistory;
  readonly conversation: OpenConversation;
  readonly settings: TurnSettings;
  readonly beginning: Beginning;
  /** The clear that the conversation had seen. */
  readonly seen: string;
  readonly known: Omit<Begun, "past">;
}

/** From the read of a conversation to the append of what came of it. A turn ends once: stored, interrupted or abandoned. */
export class Turn {
  readonly operationId: string;
  /** What the conversation held when the turn began: with a window, its newest part. */
  readonly past: readonly BaseMessage[];
  readonly #history: AnyHistory;
  /** Absent for a history of another library. */
  readonly #conversation: OpenConversation | undefined;
  readonly #settings: TurnSettings;
  readonly #lease: Hold | undefined;
  readonly #answer: Answer | undefined;
  readonly #beginning: Beginning;
  /** Whether the caller chose the operation id. */
  readonly #named: boolean;
  /** Whether an earlier run of the turn left parts. */
  readonly #repeats: boolean;
  /** The entry that the turn is to replace first. */
  readonly #replaced: TurnBegun["replaced"];
  /** What the turn replaces with its next write. */
  #fence: Fence | undefined;
  /** A random name of this run. */
  #attempt: string;
  /** How many parts this run has stored. */
  #stored: number;
  /** Whether the turn was stored as a whole before this object took it up. Then it appends what follows. */
  readonly #isMore: boolean;
  #ended = false;
  #observation: Observation | undefined;
  /** How the answer ends that no write of this turn ends. */
  #closing: ClosingEnd = "interrupted";
  /** Ends the turn when its answer is closed. */
  #whenClosed: () => Promise<void> = async () => this.abandon();

  private constructor(history: AnyHistory, settings: TurnSettings, begun: Begun) {
    this.#history = history;
    this.#conversation = conversationOf(history);
    this.#settings = settings;
    this.operationId = begun.operationId;
    this.#attempt = begun.attempt ?? newAttempt();
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
   * Begins a turn: reads the conversation. With `concurrency` other than `"allow"`, waits first until the conversation
   * is this turn's.
   *
   * What earlier runs under the same operation id have left does not belong to the past. The first write of this turn
   * takes the place of it.
   *
   * @throws InvalidOptionError for a malformed operation id, or an option that needs a history of this library.
   * @throws OperationConflictError when the operation id was used: that turn, or another write, is stored.
   * @throws PositionNotFoundError, InvalidOptionError for what the turn is to replace.
   * @throws ConversationBusyError, and what `getMessages()` throws.
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

  /** Goes on with an answer: under its lease, with its question as what is said, behind what its beginning saw. */
  static async #adopt(
    history: AnyHistory,
    conversation: OpenConversation,
    settings: TurnSettings,
    { said }: TurnCall,
    answer: Answer,
  ): Promise<Turn> {
    const { operationId, attempt, seen, question, stored, fence, isAnew } = answer.begun;
    // A turn that waited for a person has its question in front of what it says next.
    const around = question.length > 0 ? stored : undefined;
    const beginning: Beginning = { operationId, attempt, replaces: fence?.from, said, question: around };
    const known = { operationId, attempt, named: true, fence, stored: stored === undefined ? 0 : 1, repeats: isAnew };
    return Turn.#behind(answer, { history, conversation, settings, beginning, seen, known });
  }

  /** Gives an answer to the turn that begins with this read. No other turn gets it, also when this one cannot begin. */
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
   * Goes on with a turn that began in another process, or was paused. Gives back the lease that the turn held there,
   * since nobody else would.
   *
   * @param run what was known of the turn when it paused.
   * @throws ConversationBusyError, and what `getMessages()` throws.
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
    // The turn does not depend on this: the lease runs out by itself.
    if (held !== undefined) await conversation.log.release(held).catch(() => {});
    const read = await readUnderLease(conversation, settings, { signal, sign }, beginning);
    conversation.resume(seen);
    return new Turn(history, settings, { ...read, ...known, beginning });
  }

  /** Returns the clear that the turn's read saw, for `resume`. */
  get seen(): string {
    return this.#conversation?.seen ?? "";
  }

  /** Returns a random name of this run of the turn, which tells it from other runs under the same operation id. */
  get attempt(): string {
    return this.#attempt;
  }

  /** Goes on as another run of the turn, because the parts of this one were taken back. */
  beginAgain(): void {
    this.#attempt = newAttempt();
    this.#stored = 0;
  }

  /** Returns what the turn replaces, for `resume`. */
  get fence(): Fence | undefined {
    return this.#fence;
  }

  /** Returns true when an earlier run of the turn left parts, or when the turn is to replace messages. */
  get beginsAnew(): boolean {
    return this.#repeats || this.#fence !== undefined;
  }

  /** Returns the message that the turn is to replace first. */
  get replaced(): BaseMessage | undefined {
    const entry = this.#replaced;
    return entry === undefined ? undefined : decodeMessages([entry], 0, "skip")[0];
  }

  /** Aborts with an AnswerStoppedError when the turn has to stop. A turn that holds no lease hears of nothing. */
  get signal(): AbortSignal | undefined {
    return this.#lease?.signal;
  }

  /** Returns whether an answer has stored what is said in this turn. */
  get isAsked(): boolean {
    return this.#answer?.begun.stored !== undefined;
  }

  /** Says how to end the turn when its answer is closed before that. */
  whenClosed(end: () => Promise<void>): void {
    this.#whenClosed = end;
  }

  /** Ends the turn if it has not ended, and returns how its answer ends that no write has ended. */
  async close(): Promise<ClosingEnd> {
    await this.#whenClosed().catch(() => {});
    return this.#closing;
  }

  /** The turn waits for a person, and nothing of it is left to store. */
  wait(): void {
    this.#ended = true;
    this.#observation?.end({ outcome: "waiting" });
    this.#closing = "waiting";
  }

  /** Returns whether the caller chose the operation id, for `resume`. */
  get named(): boolean {
    return this.#named;
  }

  /** Returns all that the turn follows, also what a window hides. Takes a round trip. */
  async everything(): Promise<readonly BaseMessage[]> {
    return this.#conversation?.readAll(this.#beginning) ?? this.past;
  }

  /** Returns the token of the lease under which the turn holds its conversation, for `resume`. */
  get lease(): string | undefined {
    return this.#lease?.token;
  }

  /** Returns true when nothing in the messages themselves keeps them from being stored together. */
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
   * Stores what came of the turn, once and whole, or the rest of it.
   *
   * @throws TurnNotStoredError, whatever stood in the way.
   */
  async store(result: Result): Promise<void> {
    this.#ended = true;
    await this.#write(result, "last", { ending: "stored" });
  }

  /**
   * Stores what there is of a turn that waits for a person, and gives the conversation back. With an answer, the turn goes on
   * under its operation id when somebody resumes it. Without one, it is stored, and what follows is another turn.
   *
   * @throws TurnNotStoredError, whatever stood in the way.
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
   * @throws TurnNotStoredError, whatever stood in the way. The turn has ended then.
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
   * Stores what an interrupted turn has so far. When `onInterrupt` is `"discard"`, removes what is stored of it instead.
   * A turn that is to replace messages leaves them as they are. Nobody waits for the turn any more, so failures go to
   * `onError`.
   */
  async interrupt(messages: () => readonly BaseMessage[]): Promise<void> {
    if (this.#ended) return;
    const { onInterrupt, tellError } = this.#settings;
    const ending = this.#stopped ?? "interrupted";
    // Only somebody who stopped the turn wants what there is of it in place of the old messages.
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

  /** Returns how the answer of a turn ends that somebody has stopped. */
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
   * Returns the operation id under which something is stored.
   *
   * @param content what is new, as it is encoded.
   */
  #nameOf(kind: Kind, content: readonly string[]): string {
    // Only the last part takes the turn's own name: a repeated request is refused once its turn is stored as a whole.
    if (kind === "last" && !this.#isMore) return this.operationId;
    // A run can be interrupted again, elsewhere. What is interrupted twice in the same way is stored once.
    const parts = kind === "provisional" ? ["interrupted", ...content] : ["part", String(this.#stored)];
    return digestOf(this.operationId, this.attempt, ...parts);
  }

  #tellEnd(ending: Batch["ending"]): void {
    if (ending !== undefined) this.#observation?.end({ outcome: ending });
  }

  /** Returns what a write has to say of the turn: nothing when it stores all, and nobody else can know of it. */
  #partOf(kind: Kind): PartOfTurn | undefined {
    const { operationId, attempt } = this;
    const written = this.#stored > 0;
    const isAlone = kind === "last" && !written && !this.#named && this.#beginning.attempt === undefined;
    const asked = this.#answer?.begun.stored?.length;
    return isAlone || this.#isMore ? undefined : { operationId, named: this.#named, attempt, written, kind, asked };
  }

  /**
   * Stores something of the turn. Afterwards the lease is given back, unless the turn goes on.
   *
   * @param ending how the answer of a turn ends that has one; undefined when the turn goes on.
   * @param name the operation id of an attempt that failed: a retry keeps it.
   */
  async #write(
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
      // Whatever it has stored is the whole turn, or, when nothing of it is kept, is removed.
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
      // A write has given the conversation back itself.
      if (concludes || !isEmpty) lease?.stop();
      else await lease?.release();
    } catch (error) {
      const cause = withoutContent(error);
      this.#observation?.fail(cause);
      // A retry may succeed as long as the lease lasts. After any other failure it will not.
      if (isLangChainRedisError(cause) && PASSING.has(cause.code)) lease?.stop();
      else void lease?.release();
      if (ending === "stored") this.#closing = "failed";
      const retry = (): Promise<void> => this.#write(result, kind, { ending, name: operationId });
      throw new TurnNotStoredError({ output: result.output, operationId, retry, cause });
    }
  }
}

/** Returns the lease of an answer, which renews it and gives it back. */
function holdOf({ begun: { token }, signal }: Answer): Hold {
  return { token, signal, stop: () => {}, release: async () => {} };
}

function observationOf(history: AnyHistory): Observation | undefined {
  return observe("turn", conversationOf(history)?.log.subject);
}

function newAttempt(): string {
  return randomBytes(8).toString("base64url");
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
    throw new InvalidOptionError("concurrency", 'use "interrupt" with sessions: a history on its own stops nobody.');
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
  const advice = "needs a RedisChatMessageHistory; this history is another.";
  if (answer !== undefined) throw new InvalidOptionError("answer", advice);
  if (replaces !== undefined) throw new InvalidOptionError("replaces", advice);
  if (concurrency !== "allow") throw new InvalidOptionError("concurrency", `"${concurrency}" ${advice}`);
  if (operationId !== undefined) throw new InvalidOptionError("configurable.operationId", advice);
}

/** An error of another library may quote what it could not store, so only its name is kept. */
function withoutContent(error: unknown): Error {
  if (isLangChainRedisError(error)) return error;
  return new Error(error instanceof Error ? error.name : "unknown failure");
}

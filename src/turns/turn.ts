import type { BaseChatMessageHistory, BaseListChatMessageHistory } from "@langchain/core/chat_history";
import type { BaseMessage } from "@langchain/core/messages";
import { conversationOf, type RedisChatMessageHistory } from "../chat-history/history.js";
import type { HeldLease } from "../chat-history/message-log.js";
import type { Beginning, OpenConversation } from "../chat-history/open-conversation.js";
import { InvalidOptionError, isLangChainRedisError, TurnNotStoredError } from "../errors.js";
import { hasMethods } from "../options/validation.js";
import { interruptedTurn } from "../messages/interrupted.js";
import { digestOf, newOperationId, operationIdOf } from "../redis/operation.js";
import { type LeaseOptions, takeLease, type TurnLease } from "./turn-lease.js";
import type { TurnSettings } from "./turn-options.js";

/** A history of this library, or any other history of LangChain. */
export type AnyHistory = BaseChatMessageHistory | BaseListChatMessageHistory;

/** Returns true for an object with the methods of a history. */
export function isHistory(value: unknown): value is AnyHistory {
  return hasMethods(value, ["getMessages", "addMessages", "clear"]);
}

/** What one call of a runnable or agent passes to its turn. */
export type TurnCall = Beginning & Pick<LeaseOptions, "signal" | "sign">;

/** What the runnable, chain or agent made of a turn, or of a part of it. */
export interface Result {
  /** Called when the messages are to be stored. What it throws is the reason why they are not stored. */
  readonly messages: () => readonly BaseMessage[];
  /** The answer for the caller, who must not lose it when it cannot be stored. */
  readonly output: unknown;
}

/** The number of a part of a turn, from 0; or what there is of an interrupted turn. */
type Part = number | "interrupted";

/** The codes of failures that may have passed before the lease runs out. */
const PASSING: ReadonlySet<string> = new Set(["STORE_UNAVAILABLE", "STORAGE_FULL"]);

/** From the read of a conversation to the append of what came of it. A turn ends once: stored, interrupted or abandoned. */
export class Turn {
  readonly operationId: string;
  /** What the conversation held when the turn began: with a window, its newest part. */
  readonly past: readonly BaseMessage[];
  readonly #history: AnyHistory;
  /** Absent for a history of another library. */
  readonly #conversation: OpenConversation | undefined;
  readonly #settings: TurnSettings;
  readonly #lease: TurnLease | undefined;
  #ended = false;

  private constructor(
    history: AnyHistory,
    settings: TurnSettings,
    begun: { operationId: string; past: readonly BaseMessage[]; lease?: TurnLease | undefined },
  ) {
    this.#history = history;
    this.#conversation = conversationOf(history);
    this.#settings = settings;
    this.operationId = begun.operationId;
    this.past = begun.past;
    this.#lease = begun.lease;
  }

  /**
   * Begins a turn: reads the conversation. With `concurrency` other than `"allow"`, waits first until the conversation
   * is this turn's.
   *
   * @throws InvalidOptionError for a malformed operation id, or an option that needs a history of this library.
   * @throws OperationConflictError when the operation id was used: that turn, or another write, is stored.
   * @throws ConversationBusyError, and what `getMessages()` throws.
   */
  static async begin(history: AnyHistory, settings: TurnSettings, call: TurnCall): Promise<Turn> {
    const { operationId: chosen } = call;
    const operationId = operationIdOf(chosen === undefined ? undefined : { operationId: chosen });
    const conversation = conversationOf(history);
    if (conversation === undefined) {
      refuseWhatOnlyOursCan(settings, chosen);
      return new Turn(history, settings, { operationId, past: await history.getMessages() });
    }
    const read = await readUnderLease(conversation, settings, call, call);
    return new Turn(history, settings, { operationId, ...read });
  }

  /** Returns a turn whose caller has already read the history, or chose not to. */
  static over(history: AnyHistory, settings: TurnSettings): Turn {
    return new Turn(history, settings, { operationId: newOperationId(), past: [] });
  }

  /**
   * Goes on with a turn that began in another process, or was paused. Gives back the lease that the turn held there,
   * since nobody else would.
   *
   * @param call `seen` and `lease` are those of the turn that began.
   * @throws ConversationBusyError, and what `getMessages()` throws.
   */
  static async resume(
    history: RedisChatMessageHistory,
    settings: TurnSettings,
    call: TurnCall & { readonly operationId: string; readonly seen: string; readonly lease: string | undefined },
  ): Promise<Turn> {
    const { operationId, seen, lease: held } = call;
    const conversation = conversationOf(history);
    // The turn does not depend on this: the lease runs out by itself.
    if (held !== undefined) await conversation.log.release(held).catch(() => {});
    const read = await readUnderLease(conversation, settings, call);
    conversation.resume(seen);
    return new Turn(history, settings, { operationId, ...read });
  }

  /** Returns the clear that the turn's read saw, for `resume`. */
  get seen(): string {
    return this.#conversation?.seen ?? "";
  }

  /** Returns everything that the conversation holds, also what a window hides. Takes a round trip. */
  async everything(): Promise<readonly BaseMessage[]> {
    return this.#conversation?.readAll() ?? this.past;
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
   * Stores what came of the turn, once and whole.
   *
   * @param part how many parts of the turn are stored already.
   * @throws TurnNotStoredError, whatever stood in the way.
   */
  async store(result: Result, part = 0): Promise<void> {
    this.#ended = true;
    await this.#write(result, part, "release");
  }

  /**
   * Stores a part of the turn, which goes on.
   *
   * @param part how many parts of the turn are stored already.
   * @throws TurnNotStoredError, whatever stood in the way. The turn has ended then.
   */
  async storeStep(result: Result, part: number): Promise<void> {
    try {
      await this.#write(result, part, "keep");
    } catch (error) {
      this.#ended = true;
      throw error;
    }
  }

  /**
   * Stores what an interrupted turn has so far, or nothing when `onInterrupt` is `"discard"`. Nobody waits for the turn
   * any more, so failures go to `onError`.
   */
  async interrupt(messages: () => readonly BaseMessage[]): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const { onInterrupt, tellError } = this.#settings;
    let partial: readonly BaseMessage[] = [];
    const result: Result = {
      messages: () => (partial = onInterrupt === "keep" ? interruptedTurn(messages()) : []),
      get output() {
        return partial;
      },
    };
    try {
      await this.#write(result, "interrupted", "release");
    } catch (error) {
      tellError(error);
    }
  }

  /** Ends the turn without storing anything. */
  abandon(): void {
    if (this.#ended) return;
    this.#ended = true;
    void this.#lease?.release();
  }

  /**
   * Returns the operation id under which a part is stored.
   *
   * @param content what is new in the part, as it is encoded.
   */
  #nameOf(part: Part, content: readonly string[]): string {
    // An interrupted turn leaves the turn's own name free, since the request may be made again and come to its end. Its
    // name depends on its content, since the request may also be interrupted again, elsewhere. What is interrupted twice
    // in the same way is stored once.
    if (part === "interrupted") return digestOf("interrupted", this.operationId, ...content);
    // The first part has the turn's own name, so that a repeated request is refused once it is stored.
    return part === 0 ? this.operationId : digestOf("part", this.operationId, String(part));
  }

  /**
   * Stores a part. Afterwards the lease is kept, or given back.
   *
   * @param name the operation id of an attempt that failed: a retry keeps it.
   */
  async #write(result: Result, part: Part, after: HeldLease["after"], name?: string): Promise<void> {
    const [conversation, lease] = [this.#conversation, this.#lease];
    let operationId = name ?? this.#nameOf(part, []);
    try {
      const messages = [...result.messages()];
      if (conversation === undefined) {
        if (messages.length > 0) await this.#history.addMessages(messages);
        return;
      }
      const batch = conversation.encode(messages);
      operationId = name ?? this.#nameOf(part, batch.encoded);
      await conversation.append(batch, { operationId, lease: lease && { token: lease.token, after } });
      if (after === "keep") return;
      // An append has given the conversation back itself.
      if (batch.encoded.length > 0) lease?.stop();
      else await lease?.release();
    } catch (error) {
      const cause = withoutContent(error);
      // A retry may succeed as long as the lease lasts. After any other failure it will not.
      if (isLangChainRedisError(cause) && PASSING.has(cause.code)) lease?.stop();
      else void lease?.release();
      const retry = (): Promise<void> => this.#write(result, part, after, operationId);
      throw new TurnNotStoredError({ output: result.output, operationId, retry, cause });
    }
  }
}

/** Takes the conversation, unless `concurrency` is `"allow"`, and reads it. */
async function readUnderLease(
  conversation: OpenConversation,
  settings: TurnSettings,
  { signal, sign }: TurnCall,
  beginning?: Beginning,
): Promise<{ past: readonly BaseMessage[]; lease: TurnLease | undefined }> {
  const { concurrency, leaseMilliseconds, waitForMilliseconds } = settings;
  const lease =
    concurrency === "allow"
      ? undefined
      : await takeLease(conversation.log, { concurrency, leaseMilliseconds, waitForMilliseconds, signal, sign });
  try {
    return { past: await conversation.read(beginning), lease };
  } catch (error) {
    void lease?.release();
    throw error;
  }
}

function refuseWhatOnlyOursCan({ concurrency }: TurnSettings, operationId: string | undefined): void {
  const advice = "needs a RedisChatMessageHistory; this history is another.";
  if (concurrency !== "allow") throw new InvalidOptionError("concurrency", `"${concurrency}" ${advice}`);
  if (operationId !== undefined) throw new InvalidOptionError("configurable.operationId", advice);
}

/** An error of another library may quote what it could not store, so only its name is kept. */
function withoutContent(error: unknown): Error {
  if (isLangChainRedisError(error)) return error;
  return new Error(error instanceof Error ? error.name : "unknown failure");
}

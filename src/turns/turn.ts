import type { BaseChatMessageHistory, BaseListChatMessageHistory } from "@langchain/core/chat_history";
import type { BaseMessage } from "@langchain/core/messages";
import { encodeMessage } from "../codec/encode.js";
import {
  InvalidOptionError,
  isLangChainRedisError,
  StorageFullError,
  StoreUnavailableError,
  TurnNotStoredError,
} from "../errors.js";
import { digestOf, newOperationId, operationIdOf } from "../redis/operation.js";
import { RedisChatMessageHistory } from "../chat-history/history.js";
import { interruptedTurn } from "../messages/interrupted.js";
import type { LeaseOptions, TurnLease } from "./turn-lease.js";
import type { TurnSettings } from "./turn-options.js";

/** A history of ours, or any other of LangChain's. */
export type AnyHistory = BaseChatMessageHistory | BaseListChatMessageHistory;

export function isHistory(value: unknown): value is AnyHistory {
  const methods = ["getMessages", "addMessages", "clear"];
  return (
    typeof value === "object" &&
    value !== null &&
    methods.every((method) => typeof (value as Record<string, unknown>)[method] === "function")
  );
}

/** One call. */
export interface TurnCall extends Pick<LeaseOptions, "signal" | "sign"> {
  /** Names the turn; absent, a name is made. */
  readonly operationId?: string | undefined;
  /** What is said in this turn: results at its beginning answer calls of the past. */
  readonly said?: readonly BaseMessage[] | undefined;
}

/** What the runnable, chain or agent made of a turn, or of a part of it. */
export interface Result {
  /** Called when they are to be stored: where they cannot be told, that is a reason why they are not stored. */
  readonly messages: () => readonly BaseMessage[];
  /** For the caller, who must not lose it when it cannot be stored. */
  readonly output: unknown;
}

/** From the read of a conversation to the append of what came of it. It ends once: stored, interrupted or abandoned. */
export class Turn {
  readonly operationId: string;
  /** What the conversation held when the turn began; with a window, its newest part. */
  readonly past: readonly BaseMessage[];
  readonly #history: AnyHistory;
  readonly #settings: TurnSettings;
  readonly #lease: TurnLease | undefined;
  #ended = false;

  private constructor(
    history: AnyHistory,
    settings: TurnSettings,
    begun: { operationId: string; past: readonly BaseMessage[]; lease: TurnLease | undefined },
  ) {
    this.#history = history;
    this.#settings = settings;
    this.operationId = begun.operationId;
    this.past = begun.past;
    this.#lease = begun.lease;
  }

  /**
   * Reads the conversation; with `concurrency` other than `"allow"`, once it is this turn's.
   *
   * @throws InvalidOptionError for an operation id that is none, or what only a history of ours can.
   * @throws OperationConflictError when the operation id was used: that turn, or another write, is stored.
   * @throws ConversationBusyError, and what `getMessages()` throws.
   */
  static async begin(history: AnyHistory, settings: TurnSettings, call: TurnCall): Promise<Turn> {
    const operationId = operationIdOf(call.operationId === undefined ? undefined : { operationId: call.operationId });
    if (!(history instanceof RedisChatMessageHistory)) {
      refuseWhatOnlyOursCan(settings, call.operationId);
      return new Turn(history, settings, { operationId, past: await history.getMessages(), lease: undefined });
    }
    const lease = await leaseOf(history, settings, call);
    try {
      return new Turn(history, settings, {
        operationId,
        past: await history.beginTurn(call.operationId, call.said),
        lease,
      });
    } catch (error) {
      void lease?.release();
      throw error;
    }
  }

  /** A turn of which whoever has the history object read the conversation through it, or did not. */
  static over(history: AnyHistory, settings: TurnSettings): Turn {
    return new Turn(history, settings, { operationId: newOperationId(), past: [], lease: undefined });
  }

  /**
   * Goes on with a turn that began elsewhere, or was paused. `seen` is what its read saw; `lease`, what it held its
   * conversation under, which is given back: nobody else would.
   *
   * @throws ConversationBusyError, and what `getMessages()` throws.
   */
  static async resume(
    history: RedisChatMessageHistory,
    settings: TurnSettings,
    call: TurnCall & { readonly operationId: string; readonly seen: string; readonly lease: string | undefined },
  ): Promise<Turn> {
    const { operationId, seen, lease: held } = call;
    if (held !== undefined) await history.appendTurn([], { operationId, lease: { token: held, after: "release" } });
    const lease = await leaseOf(history, settings, call);
    try {
      const past = await history.getMessages();
      history.resumeTurn(seen);
      return new Turn(history, settings, { operationId, past, lease });
    } catch (error) {
      void lease?.release();
      throw error;
    }
  }

  /** The clear that the turn's read saw: what `resume` needs. */
  get seen(): string {
    return this.#history instanceof RedisChatMessageHistory ? this.#history.seen : "";
  }

  /** Under which the turn holds its conversation: what `resume` needs. */
  get lease(): string | undefined {
    return this.#lease?.token;
  }

  /**
   * Stores what came of the turn, once and whole.
   *
   * @param part how many parts of it are stored already.
   * @throws TurnNotStoredError, whatever stood in the way.
   */
  async store(result: Result, part = 0): Promise<void> {
    this.#ended = true;
    await this.#attempt(result, this.#nameOf(part), "release");
  }

  /**
   * Stores a part of the turn, which goes on.
   *
   * @param part how many parts of it are stored already.
   * @throws TurnNotStoredError, whatever stood in the way; then the turn has ended.
   */
  async storeStep(result: Result, part: number): Promise<void> {
    try {
      await this.#attempt(result, this.#nameOf(part), "keep");
    } catch (error) {
      this.#ended = true;
      throw error;
    }
  }

  /**
   * Stores, unless that is to be discarded, what an interrupted turn has so far. What goes wrong is told to `onError`:
   * by now nobody waits for the turn.
   */
  async interrupt(messages: () => readonly BaseMessage[]): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const { onInterrupt } = this.#settings;
    let partial: readonly BaseMessage[] = [];
    const result: Result = {
      messages: () => (partial = onInterrupt === "keep" ? interruptedTurn(messages()) : []),
      get output() {
        return partial;
      },
    };
    try {
      await this.#attempt(result, this.#nameOfInterrupted(result), "release");
    } catch (error) {
      this.#settings.tellError(error);
    }
  }

  /** Stores nothing. */
  abandon(): void {
    if (this.#ended) return;
    this.#ended = true;
    void this.#lease?.release();
  }

  /** The first part has the name of the turn: once it is stored, a repeated request is refused. */
  #nameOf(part: number): string {
    return part === 0 ? this.operationId : digestOf("part", this.operationId, String(part));
  }

  /**
   * Another than the turn's, since the request may be made again and then come to its end; and another for other content,
   * since it may be interrupted again. What is interrupted twice in the same way is stored once.
   */
  #nameOfInterrupted({ messages }: Result): string {
    let content: string[] = [];
    try {
      content = messages().map((message, position) => encodeMessage(message, position));
    } catch {
      // They cannot be stored, which the attempt will find out, and tell.
    }
    return digestOf("interrupted", this.operationId, ...content);
  }

  async #attempt(result: Result, operationId: string, after: "keep" | "release"): Promise<void> {
    try {
      await this.#append([...result.messages()], operationId, after);
    } catch (error) {
      const cause = withoutContent(error);
      // To be repeated as long as the lease lasts; anything else will not succeed later either.
      if (cause instanceof StoreUnavailableError || cause instanceof StorageFullError) this.#lease?.stop();
      else void this.#lease?.release();
      const retry = (): Promise<void> => this.#attempt(result, operationId, after);
      throw new TurnNotStoredError({ output: result.output, operationId, retry, cause });
    }
  }

  async #append(messages: BaseMessage[], operationId: string, after: "keep" | "release"): Promise<void> {
    if (!(this.#history instanceof RedisChatMessageHistory)) {
      if (messages.length > 0) await this.#history.addMessages(messages);
      return;
    }
    const lease = this.#lease && { token: this.#lease.token, after };
    await this.#history.appendTurn(messages, { operationId, lease });
    if (after === "release") this.#lease?.stop();
  }
}

async function leaseOf(
  history: RedisChatMessageHistory,
  { concurrency, leaseMilliseconds, waitForMilliseconds }: TurnSettings,
  { signal, sign }: TurnCall,
): Promise<TurnLease | undefined> {
  if (concurrency === "allow") return undefined;
  return history.takeLease({ concurrency, leaseMilliseconds, waitForMilliseconds, signal, sign });
}

function refuseWhatOnlyOursCan({ concurrency }: TurnSettings, operationId: string | undefined): void {
  const advice = "needs a RedisChatMessageHistory; this history is another.";
  if (concurrency !== "allow") throw new InvalidOptionError("concurrency", `"${concurrency}" ${advice}`);
  if (operationId !== undefined) throw new InvalidOptionError("configurable.operationId", advice);
}

/** An error of another library may quote what it could not store. */
function withoutContent(error: unknown): Error {
  if (isLangChainRedisError(error)) return error;
  return new Error(error instanceof Error ? error.name : "unknown failure");
}

import type { BaseMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { deleteThreadOf, isCommand, isPaused } from "../frameworks/langgraph.js";
import { alternating } from "../messages/alternating.js";
import { answerable } from "../messages/answerable.js";
import { finalPart, inFrontOfOpenCall, interruptedTurn } from "../messages/interrupted.js";
import type { Turn } from "../turns/turn.js";
import type { SessionWatch } from "../sessions/signals.js";
import { pastWith, type TurnThread } from "./graph-thread.js";
import { inputOf, type MessageKeys, outputMessages } from "./messages.js";
import { newAmong } from "./new-messages.js";
import type { RunnableSettings } from "./options.js";
import { withDistinctIds, withOwnIds } from "./own-ids.js";

type Settings = MessageKeys &
  Pick<RunnableSettings<never, unknown>, "runnable" | "turn" | "holdsGraph" | "wantsAlternation">;

interface Begun<RunInput> {
  readonly turn: Turn;
  readonly watch: SessionWatch | undefined;
  readonly said: readonly BaseMessage[];
  readonly input: RunInput;
  readonly config: RunnableConfig;
  /** Stops the runnable. Aborted by this turn, and by the stream when its reader has left. */
  readonly stop: AbortController;
  /** Absent if the runnable keeps no thread that could be resumed. */
  readonly thread: TurnThread | undefined;
}

/** A turn while its runnable runs. */
export class RunningTurn<RunInput, RunOutput> {
  /** The input for the runnable. */
  readonly input: RunInput;
  /** The past messages, in the form in which the runnable receives them. */
  readonly #past: readonly BaseMessage[];
  readonly config: RunnableConfig & { readonly signal: AbortSignal };
  /** Aborts when the runnable has to stop, for any reason. */
  readonly signal: AbortSignal;
  readonly #settings: Settings;
  readonly #begun: Begun<RunInput>;
  readonly #unlink: () => void;
  #closing: Promise<void> | undefined;
  #isStored = false;

  constructor(settings: Settings, begun: Begun<RunInput>) {
    this.#settings = settings;
    this.#begun = begun;
    this.signal = begun.stop.signal;
    const { said, thread } = begun;
    this.#past = this.#pastOf(begun);
    // A resumed graph has the past in its thread.
    this.input = isCommand(begun.input) ? begun.input : (inputOf(begun.input, this.#past, said, settings) as RunInput);
    const given = [...this.#past, ...said, ...(thread?.stored ?? [])];
    const config = settings.holdsGraph ? withOwnIds(begun.config, given) : begun.config;
    this.config = { ...config, signal: this.signal };
    this.#unlink = stopWith(begun.stop, [begun.config.signal, begun.watch?.signal, begun.turn.signal]);
    begun.turn.whenClosed(() => {
      begun.stop.abort(new Error("The answer was closed before its turn had ended."));
      return this.close(() => undefined);
    });
  }

  /**
   * Stores the messages of the input and the new messages of the output.
   *
   * @throws TurnNotStoredError if the turn could not be stored, for any reason.
   */
  async store(output: RunOutput | undefined): Promise<void> {
    this.#isStored = true;
    try {
      const { turn, thread } = this.#begun;
      const result = { messages: () => this.#messages(output, "whole"), output };
      await (isPaused(output) && thread !== undefined ? turn.pause(result) : turn.store(result));
    } catch (error) {
      // A caller that aborted no longer listens, so report the failure through onError. If the session ended, the caller
      // still waits.
      const { watch } = this.#begun;
      if (this.signal.aborted && watch?.signal.aborted !== true) this.#settings.turn.tellError(error);
      throw error;
    }
  }

  /**
   * Ends the turn. Stores its messages so far, unless `store` was called, whose failure the caller knows. Idempotent: later
   * calls return the first call's promise.
   */
  close(partial: () => RunOutput | undefined): Promise<void> {
    this.#closing ??= this.#close(partial);
    return this.#closing;
  }

  async #close(partial: () => RunOutput | undefined): Promise<void> {
    const { turn, watch, thread } = this.#begun;
    this.#unlink();
    watch?.release();
    if (watch?.signal.aborted === true) turn.abandon();
    const output = partial();
    // The reader left when the graph already waited for a person, so nothing was interrupted.
    const waits = isPaused(output) && thread !== undefined && watch?.signal.aborted !== true;
    if (waits && !this.#isStored) await this.store(output).catch(() => {});
    else await turn.interrupt(() => this.#partialMessages(output));
    // The old messages stay, so the thread must not have the messages that would have replaced them.
    if (thread !== undefined && turn.fence !== undefined) {
      await deleteThreadOf(this.#settings.runnable, this.#begun.config).catch(() => {});
    }
  }

  #pastOf({ turn, said, input, thread }: Begun<RunInput>): readonly BaseMessage[] {
    if (isCommand(input)) return withDistinctIds(turn.past);
    const mended = answerable(thread === undefined ? turn.past : pastWith(thread, turn.past), said);
    const past = this.#settings.wantsAlternation ? alternating(mended, said) : mended;
    return this.#settings.holdsGraph ? withDistinctIds(past) : past;
  }

  #messages(output: RunOutput | undefined, came: "whole" | "partial"): BaseMessage[] {
    const { input, thread } = this.#begun;
    const begun = this.#beginning();
    const fresh = this.#fresh(output, came);
    if (isPaused(output) && thread !== undefined) return [...begun, ...finalPart(fresh)];
    // Another Command can resume this turn, so leave a call without a result in the thread.
    if (came === "partial" && isCommand(input)) return inFrontOfOpenCall(fresh);
    // A paused graph without a thread may never go on, and the next turn has to be acceptable to a provider.
    return isPaused(output) ? interruptedTurn([...begun, ...fresh]) : [...begun, ...fresh];
  }

  /** Returns the messages to store in front of the answer. */
  #beginning(): readonly BaseMessage[] {
    const { said, thread, turn } = this.#begun;
    return [...(thread?.givenUp ?? []), ...(turn.isAsked ? [] : said)];
  }

  /** Returns the messages that the output adds to the conversation. */
  #fresh(output: RunOutput | undefined, came: "whole" | "partial"): BaseMessage[] {
    const { said, input, thread } = this.#begun;
    const messages = outputMessages(output, this.#settings);
    if (!isCommand(input)) return newAmong(messages, { past: this.#past, said }, came);
    return newAmong(messages, { past: [], said: [...this.#past, ...(thread?.stored ?? [])] }, came);
  }

  #partialMessages(partial: RunOutput | undefined): readonly BaseMessage[] {
    try {
      return this.#messages(partial, "partial");
    } catch {
      return this.#beginning();
    }
  }
}

/**
 * Aborts `stop` when one of the signals aborts, until the returned function is called. `AbortSignal.any()` would leave a
 * reference on each signal for as long as the signal lives.
 */
function stopWith(stop: AbortController, signals: readonly (AbortSignal | undefined)[]): () => void {
  const links = signals
    .filter((signal) => signal !== undefined)
    .map((signal) => ({ signal, abort: (): void => stop.abort(signal.reason) }));
  for (const { signal, abort } of links) {
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  }
  return () => {
    for (const { signal, abort } of links) signal.removeEventListener("abort", abort);
  };
}

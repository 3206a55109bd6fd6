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
  /** Stops the runnable. It is aborted here, and by the stream when its reader has left. */
  readonly stop: AbortController;
  /** Absent when the runnable keeps no thread that could be resumed. */
  readonly thread: TurnThread | undefined;
}

/** A turn while its runnable runs. */
export class RunningTurn<RunInput, RunOutput> {
  /** The input that the runnable is given. */
  readonly input: RunInput;
  /** What was said before, as the runnable is shown it. */
  readonly #past: readonly BaseMessage[];
  readonly config: RunnableConfig & { readonly signal: AbortSignal };
  /** Aborts when the runnable has to stop, for whatever reason. */
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
    // The thread of a graph that is resumed has the past.
    this.input = isCommand(begun.input) ? begun.input : (inputOf(begun.input, this.#past, said, settings) as RunInput);
    const given = [...this.#past, ...said, ...(thread?.stored ?? [])];
    const config = settings.holdsGraph ? withOwnIds(begun.config, given) : begun.config;
    this.config = { ...config, signal: this.signal };
    this.#unlink = stopWith(begun.stop, [begun.config.signal, begun.watch?.signal, begun.turn.signal]);
    begun.turn.whenClosed(() => {
      begun.stop.abort(new Error("The answer was closed before its turn came to its end."));
      return this.close(() => undefined);
    });
  }

  /**
   * Stores what was said and what the output adds to it.
   *
   * @throws TurnNotStoredError, whatever stood in the way.
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
   * Ends the turn. Stores what it has so far, unless it is stored already, or could not be stored, which the caller knows.
   * Idempotent: later calls return the first call's promise.
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
    // The reader left when the graph waited for a person already. That interrupts nothing.
    const waits = isPaused(output) && thread !== undefined && watch?.signal.aborted !== true;
    if (waits && !this.#isStored) await this.store(output).catch(() => {});
    else await turn.interrupt(() => this.#partialMessages(output));
    // The old messages stay, and so the thread must not have those that were to replace them.
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
    // A Command resumes what broke off here, so a call without a result stays in the thread.
    if (came === "partial" && isCommand(input)) return inFrontOfOpenCall(fresh);
    // Perhaps nobody ever goes on with the graph, and the next turn has to be acceptable to a provider.
    return isPaused(output) ? interruptedTurn([...begun, ...fresh]) : [...begun, ...fresh];
  }

  /** Returns what is stored in front of the answer. */
  #beginning(): readonly BaseMessage[] {
    const { said, thread, turn } = this.#begun;
    return [...(thread?.givenUp ?? []), ...(turn.isAsked ? [] : said)];
  }

  /** Returns what the output adds to the conversation. */
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
 * Aborts `stop` when one of the signals aborts. Returns a function that ends this. `AbortSignal.any()` would leave a trace
 * on a signal for as long as the signal lives.
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

import type { BaseMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { isPaused } from "../frameworks/langgraph.js";
import { alternating } from "../messages/alternating.js";
import { answerable } from "../messages/answerable.js";
import { interruptedTurn } from "../messages/interrupted.js";
import type { Turn } from "../turns/turn.js";
import type { SessionWatch } from "../sessions/signals.js";
import { inputOf, type MessageKeys, newAmong, outputMessages } from "./messages.js";
import type { RunnableSettings } from "./options.js";
import { withDistinctIds, withOwnIds } from "./own-ids.js";

type Settings = MessageKeys & Pick<RunnableSettings<unknown, unknown>, "turn" | "holdsGraph" | "wantsAlternation">;

interface Begun<RunInput> {
  readonly turn: Turn;
  readonly watch: SessionWatch | undefined;
  readonly said: readonly BaseMessage[];
  readonly input: RunInput;
  readonly config: RunnableConfig;
  /** Stops the runnable; aborted here, and by whoever finds out that its reader has left. */
  readonly stop: AbortController;
}

/** A turn while its runnable runs. */
export class RunningTurn<RunInput, RunOutput> {
  /** What the runnable is given. */
  readonly input: RunInput;
  /** What was said before, as the runnable is shown it. */
  readonly #past: readonly BaseMessage[];
  readonly config: RunnableConfig & { readonly signal: AbortSignal };
  /** Aborts for whatever reason the runnable has to stop. */
  readonly signal: AbortSignal;
  readonly #settings: Settings;
  readonly #begun: Begun<RunInput>;
  readonly #unlink: () => void;
  #closing: Promise<void> | undefined;

  constructor(settings: Settings, begun: Begun<RunInput>) {
    this.#settings = settings;
    this.#begun = begun;
    this.signal = begun.stop.signal;
    const mended = answerable(begun.turn.past, begun.said);
    const past = settings.wantsAlternation ? alternating(mended, begun.said) : mended;
    this.#past = settings.holdsGraph ? withDistinctIds(past) : past;
    this.input = inputOf(begun.input, this.#past, begun.said, settings) as RunInput;
    const config = settings.holdsGraph ? withOwnIds(begun.config, [...this.#past, ...begun.said]) : begun.config;
    this.config = { ...config, signal: this.signal };
    this.#unlink = stopWith(begun.stop, [begun.config.signal, begun.watch?.signal]);
  }

  async store(output: RunOutput | undefined): Promise<void> {
    try {
      await this.#begun.turn.store({ messages: () => this.#messages(output, "whole"), output });
    } catch (error) {
      // Who aborted was told so, or reads no more; nobody waits for this. Where the session ended, somebody does.
      const { watch } = this.#begun;
      if (this.signal.aborted && watch?.signal.aborted !== true) this.#settings.turn.tellError(error);
      throw error;
    }
  }

  /**
   * However it ended; repeated, it waits for the same. Does nothing about a turn that is stored, or could not be: that
   * was told to the caller.
   */
  close(partial: () => RunOutput | undefined): Promise<void> {
    this.#closing ??= this.#close(partial);
    return this.#closing;
  }

  async #close(partial: () => RunOutput | undefined): Promise<void> {
    const { turn, watch } = this.#begun;
    this.#unlink();
    watch?.release();
    if (watch?.signal.aborted === true) turn.abandon();
    await turn.interrupt(() => this.#partialMessages(partial()));
  }

  #messages(output: RunOutput | undefined, came: "whole" | "partial"): BaseMessage[] {
    const { said } = this.#begun;
    const fresh = newAmong(outputMessages(output, this.#settings), { past: this.#past, said }, came);
    const messages = [...said, ...fresh];
    // Nobody may ever go on with it, and the next turn has to be acceptable.
    return isPaused(output) ? interruptedTurn(messages) : messages;
  }

  #partialMessages(partial: RunOutput | undefined): readonly BaseMessage[] {
    try {
      return this.#messages(partial, "partial");
    } catch {
      return this.#begun.said;
    }
  }
}

/** As `AbortSignal.any()`, which leaves a trace on a signal that lives on for as long as that does. */
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

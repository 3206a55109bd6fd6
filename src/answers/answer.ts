import { type Observation, observe } from "../diagnostics/operations.js";
import type { BaseMessage } from "@langchain/core/messages";
import {
  AnswerStoppedError,
  ConversationBusyError,
  InvalidOptionError,
  type SessionEndReason,
  SessionNotFoundError,
} from "../errors.js";
import { answerMark, PROTOCOL } from "../options/copies.js";
import { jsonTextOf } from "../options/json-text.js";
import { type ClosingEnd, EventLog, type LoggedEvent, type Verdict } from "./event-log.js";
import { listenToStop } from "../redis/stop-signal.js";
import type { AnswerPlace } from "./place.js";

/** An answer in flight, as `answers.begin` began it. */
export interface BegunAnswer {
  readonly operationId: string;
  readonly token: string;
  /** The public name of the answer. */
  readonly run: string;
  /** The name of the run of the turn. */
  readonly attempt: string;
  /** The mark of the latest clear that the beginning saw. */
  readonly seen: string;
  /** The question, as the turn receives it. Empty for a turn that waited for a person. */
  readonly question: readonly BaseMessage[];
  /** The place of the question in the conversation. Absent if it is kept beside the conversation. */
  readonly stored: { readonly position: string; readonly length: number } | undefined;
  /** The messages that the turn replaces. */
  readonly fence: { readonly from: string; readonly behind: string } | undefined;
  /** True if the thread of a graph begins anew, because the turn is repeated or replaces messages. */
  readonly isAnew: boolean;
}

/** A turn that continues and ends an answer. */
export interface AdoptingTurn {
  /**
   * Ends the turn, if it has not ended, and waits until its messages so far are stored. Returns the end of the answer, in
   * case the turn's own script did not end it.
   */
  end(): Promise<ClosingEnd>;
}

interface Parts {
  readonly place: AnswerPlace;
  readonly begun: BegunAnswer;
  readonly leaseMilliseconds: number;
  readonly windowMilliseconds: number;
  readonly maxBytes: number;
  /** Returns true for a session of the answer's conversation. */
  readonly isOf: (session: unknown) => boolean;
  /** Aborts when the session ends. */
  readonly watch: { readonly signal: AbortSignal; release(): void };
  readonly store: (messages: readonly BaseMessage[]) => Promise<void>;
}

/**
 * An answer in flight: a turn that is under way, and the events that its readers follow. `answers.begin` returns it.
 *
 * Pass it to the agent or runnable that answers: `context: { session, answer }`, or `configurable: { session, answer }`.
 * That turn receives the question of `begin`, and the script that stores the turn ends the answer. Without LangChain, call
 * `store()`. Call `close()` in a `finally` block.
 *
 * @example
 * ```ts
 * const answer = await answers.begin({ operationId, input });
 * try {
 *   const stream = await agent.stream({ messages: input }, { context: { session, answer }, streamMode: "messages" });
 *   for await (const [chunk] of stream) answer.send({ text: chunk.text });
 * } finally {
 *   await answer.close();
 * }
 * ```
 */
export class Answer {
  /** @internal */
  readonly [answerMark]: number = PROTOCOL;
  /** @internal The data for the turn that adopts the answer. */
  readonly begun: BegunAnswer;
  readonly #parts: Parts;
  readonly #log: EventLog;
  readonly #controller = new AbortController();
  /** The events so far, for followers in this process. */
  readonly #sent: LoggedEvent[] = [];
  #waiting = new Set<() => void>();
  #turn: AdoptingTurn | undefined;
  #isStopped: StopKind | undefined;
  /** The end of the answer if no turn adopts it, and nothing is stored. */
  #ending: ClosingEnd;
  #closing: Promise<void> | undefined;
  /** The write of `store`, which needs the lease that the end of the answer gives back. */
  #storing: Promise<void> = Promise.resolve();
  #isStored = false;
  #isClosed = false;
  readonly #observation: Observation | undefined;
  readonly #unlisten: () => void;

  /** @internal Created by `answers.begin`. */
  constructor(parts: Parts) {
    const { place, begun, leaseMilliseconds, windowMilliseconds, maxBytes, watch } = parts;
    this.begun = begun;
    this.#parts = parts;
    // A turn that waited for a person still waits if no turn adopts this answer.
    this.#ending = begun.question.length === 0 ? "waiting" : "interrupted";
    this.#observation = observe("answer", place.connection.subject);
    const { token, run } = begun;
    const onVerdict = (verdict: Verdict): void => this.#hear(verdict);
    this.#log = new EventLog(place, { token, run, leaseMilliseconds, windowMilliseconds, maxBytes, onVerdict });
    const { channels, channel } = place;
    this.#unlisten = listenToStop(channels, channel, token, {
      stop: (reason) => this.#stop(reason),
      ask: () => this.#log.ask(),
    });
    const abort = (): void => this.#abort(watch.signal.reason);
    if (watch.signal.aborted) abort();
    else watch.signal.addEventListener("abort", abort, { once: true });
  }

  /** The operation id of the turn. */
  get operationId(): string {
    return this.begun.operationId;
  }

  /**
   * Aborts when the answer has to stop. Its `reason` is an AnswerStoppedError, a SessionNotFoundError if the session ended,
   * or a ConversationBusyError if another turn took the conversation. A turn that has adopted the answer stops by itself.
   */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * Sends an event to all followers of the answer. Returns at once, because events are logged in batches in the background.
   * Does nothing once the answer is closed.
   *
   * @param event a JSON value, such as a string.
   * @throws InvalidOptionError for a value that JSON cannot represent. Nothing was sent.
   *
   * @example
   * ```ts
   * answer.send({ text: chunk.text });
   * ```
   */
  send(event: unknown): void {
    const text = jsonTextOf("event", event);
    const logged = this.#closing === undefined ? this.#log.send(text) : undefined;
    if (logged === undefined) return;
    this.#sent.push(logged);
    this.#wake();
  }

  /**
   * Stores the turn of an answer without a runnable or agent: its question, and these messages. The same script ends the
   * answer. Call `close()` afterwards.
   *
   * @throws TurnNotStoredError if the turn could not be stored.
   *
   * @example
   * ```ts
   * await answer.store([new AIMessage(text)]);
   * ```
   */
  store(messages: readonly BaseMessage[]): Promise<void> {
    this.#storing = this.#store(messages);
    return this.#storing;
  }

  async #store(messages: readonly BaseMessage[]): Promise<void> {
    try {
      await this.#parts.store(messages);
      this.#isStored = true;
    } catch (error) {
      this.#ending = "failed";
      throw error;
    }
  }

  /**
   * Ends the answer. A turn that has adopted it is interrupted if it has not ended, and `onInterrupt` decides what is kept. An
   * answer without a turn ends as interrupted, and its question stays. Resolves when the turn has ended and the last event is
   * logged. Never throws. Idempotent: later calls return the first call's promise.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#storing.catch(() => {});
    const ending = this.#turn === undefined ? this.#ending : await this.#turn.end();
    await this.#log.close(this.#isStopped ?? ending);
    this.#parts.watch.release();
    this.#unlisten();
    this.#isClosed = true;
    // A turn that has adopted the answer reports its own end.
    const unlessStored = this.#isStopped ?? (this.#turn === undefined ? ending : "closed");
    this.#observation?.end({ outcome: this.#isStored ? "stored" : unlessStored });
    this.#wake();
  }

  /**
   * @internal Yields the events of this answer behind a number as they are sent, from memory, until it is closed, or the
   * signal aborts.
   */
  async *sent(from: number, signal?: AbortSignal): AsyncGenerator<LoggedEvent> {
    const wake = (): void => this.#wake();
    signal?.addEventListener("abort", wake, { once: true });
    try {
      for (let next = this.#sent.findIndex(({ number }) => number > from); ;) {
        if (next === -1) next = this.#sent.length;
        for (; next < this.#sent.length; next += 1) yield this.#sent[next] as LoggedEvent;
        if (this.#isClosed || signal?.aborted === true) return;
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    } finally {
      signal?.removeEventListener("abort", wake);
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const resume of waiting) resume();
  }

  /** @internal Returns true if the answer belongs to the session's conversation. */
  isOf(session: unknown): boolean {
    return this.#parts.isOf(session);
  }

  /**
   * @internal Gives the answer to a turn.
   *
   * @throws InvalidOptionError if another turn has it, or if it is closed.
   */
  adopt(turn: AdoptingTurn): void {
    if (this.#closing !== undefined) throw new InvalidOptionError("answer", "it is closed. Begin another answer.");
    if (this.#turn !== undefined)
      throw new InvalidOptionError("answer", "another turn has it. Begin one answer for each turn.");
    this.#turn = turn;
  }

  #hear(verdict: Verdict): void {
    if (verdict.outcome === "stop") this.#stop(verdict.reason);
    else if (verdict.outcome === "ended" && verdict.session !== "") this.#abort(endOf(verdict.session));
    else this.#abort(new ConversationBusyError("lost"));
  }

  #stop(reason: "stop" | "superseded"): void {
    if (this.signal.aborted) return;
    this.#isStopped = reason === "stop" ? "stopped" : "superseded";
    this.#abort(new AnswerStoppedError(reason));
  }

  #abort(reason: Error): void {
    this.#log.stopRenewing();
    this.#controller.abort(reason);
  }
}

type StopKind = "stopped" | "superseded";

function endOf(state: string): SessionNotFoundError {
  return new SessionNotFoundError(state === "unknown" ? undefined : (state as SessionEndReason));
}

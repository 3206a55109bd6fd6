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

/** What `answers.begin` made of a request. */
export interface BegunAnswer {
  readonly operationId: string;
  readonly token: string;
  /** The public name of the answer. */
  readonly run: string;
  /** The run of the turn. */
  readonly attempt: string;
  /** The clear that the conversation had seen. */
  readonly seen: string;
  /** The question, as the turn is given it. Empty for a turn that waited for a person. */
  readonly question: readonly BaseMessage[];
  /** Where the question is in the conversation. Absent when it is kept beside it. */
  readonly stored: { readonly position: string; readonly length: number } | undefined;
  /** What the turn replaces, and must find. */
  readonly fence: { readonly from: string; readonly behind: string } | undefined;
  /** Whether the thread of a graph begins anew: the turn is repeated, or is to replace messages. */
  readonly isAnew: boolean;
}

/** A turn that goes on with an answer. */
export interface AdoptingTurn {
  /**
   * Ends the turn, if it has not ended, and waits until what there is of it is stored. Returns how the answer ends if the
   * turn's own script did not end it.
   */
  end(): Promise<ClosingEnd>;
}

interface Parts {
  readonly place: AnswerPlace;
  readonly begun: BegunAnswer;
  readonly leaseMilliseconds: number;
  readonly windowMilliseconds: number;
  readonly maxBytes: number;
  /** Whose answer it is. */
  readonly isOf: (session: unknown) => boolean;
  /** Aborts when the session ends. */
  readonly watch: { readonly signal: AbortSignal; release(): void };
  readonly store: (messages: readonly BaseMessage[]) => Promise<void>;
}

/**
 * An answer in flight: a turn that is under way, and the events that its readers follow. `answers.begin` returns it.
 *
 * Pass it to the runnable or agent that answers: `context: { session, answer }`, or `configurable: { session, answer }`.
 * That turn is given the question of `begin`, and ends the answer in the script that stores the turn. Without LangChain,
 * call `store()`. Call `close()` in a `finally` block.
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
  /** @internal What the turn that adopts the answer has to know. */
  readonly begun: BegunAnswer;
  readonly #parts: Parts;
  readonly #log: EventLog;
  readonly #controller = new AbortController();
  /** Its events, for who follows it in this process. */
  readonly #sent: LoggedEvent[] = [];
  #waiting = new Set<() => void>();
  #turn: AdoptingTurn | undefined;
  #isStopped: StopKind | undefined;
  /** How it ends when no turn has it, and nothing is stored. */
  #ending: ClosingEnd;
  #closing: Promise<void> | undefined;
  #isStored = false;
  #isClosed = false;
  readonly #observation: Observation | undefined;
  readonly #unlisten: () => void;

  /** @internal Made by `answers.begin`. */
  constructor(parts: Parts) {
    const { place, begun, leaseMilliseconds, windowMilliseconds, maxBytes, watch } = parts;
    this.begun = begun;
    this.#parts = parts;
    // A turn that waited for a person, and that nobody went on with, still waits.
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
   * Aborts when the answer has to stop: its `reason` is an AnswerStoppedError, a SessionNotFoundError when the session ended,
   * or a ConversationBusyError when another turn took the conversation. A turn that has the answer stops by itself.
   */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * Sends an event to everybody who follows the answer. Returns at once: events are logged in batches, in the background.
   * Once the answer is closed, it does nothing.
   *
   * @param event a string or a JSON value.
   * @throws InvalidOptionError for a value that JSON cannot hold. Nothing is sent then.
   */
  send(event: unknown): void {
    const text = jsonTextOf("event", event);
    const logged = this.#closing === undefined ? this.#log.send(text) : undefined;
    if (logged === undefined) return;
    this.#sent.push(logged);
    this.#wake();
  }

  /**
   * Stores the turn of an answer that no runnable or agent has: its question, which is stored already, and these messages.
   * Ends the answer in the same script. Call `close()` afterwards.
   *
   * @throws TurnNotStoredError, whatever stood in the way.
   */
  async store(messages: readonly BaseMessage[]): Promise<void> {
    try {
      await this.#parts.store(messages);
      this.#isStored = true;
    } catch (error) {
      this.#ending = "failed";
      throw error;
    }
  }

  /**
   * Ends the answer: the turn that has it is ended, if it goes on, and what there is of it is kept. Waits for that, and until
   * the last event is logged. An answer that no turn has is interrupted, and its question stays. Never throws, and can be
   * repeated.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const ending = this.#turn === undefined ? this.#ending : await this.#turn.end();
    await this.#log.close(this.#isStopped ?? ending);
    this.#parts.watch.release();
    this.#unlisten();
    this.#isClosed = true;
    // How a turn ended that has the answer, that turn tells.
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

  /** @internal Returns whether the answer is one of the session's conversation. */
  isOf(session: unknown): boolean {
    return this.#parts.isOf(session);
  }

  /**
   * @internal Gives the answer to a turn.
   *
   * @throws InvalidOptionError when another turn has it, or when it is closed.
   */
  adopt(turn: AdoptingTurn): void {
    if (this.#closing !== undefined) throw new InvalidOptionError("answer", "it is closed: begin another one.");
    if (this.#turn !== undefined)
      throw new InvalidOptionError("answer", "another turn has it: begin one for each turn.");
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

import type { BaseMessage } from "@langchain/core/messages";
import { raceWithSignal } from "@langchain/core/runnables";
import type { Turn } from "../turns/turn.js";
import type { SessionWatch } from "../sessions/signals.js";
import { hearAnswer } from "./hear-answer.js";
import { answerOf, withFreshIds } from "./message-ids.js";
import { type RunRecord, withEnd, withNew, withoutPending } from "./run-record.js";
import type { SettledMessages } from "./settled-messages.js";
import type { SignOfLife } from "./sign-of-life.js";

/** A run that is under way in this process. Follows the agent's messages, and stores the turn. */
export class LiveRun {
  readonly #turn: Turn;
  readonly #watch: SessionWatch;
  readonly #life: SignOfLife;
  readonly #tellError: (error: unknown) => void;
  readonly #steps = new WeakSet<AbortSignal>();
  readonly #settled: SettledMessages;
  #record: RunRecord;
  /** The model's latest answer until the state has it, or the part of it that was streamed so far. */
  #said: readonly BaseMessage[] = [];
  #interrupted = false;
  #isOver = false;
  readonly #waits: () => Promise<boolean>;

  constructor(run: {
    turn: Turn;
    watch: SessionWatch;
    life: SignOfLife;
    record: RunRecord;
    settled: SettledMessages;
    tellError: (error: unknown) => void;
    /** Returns true if the run waits for a person. */
    waits: () => Promise<boolean>;
  }) {
    this.#turn = run.turn;
    this.#watch = run.watch;
    this.#life = run.life;
    this.#record = run.record;
    this.#settled = run.settled;
    this.#tellError = run.tellError;
    this.#waits = run.waits;
    const { signal } = this.#turn;
    // A tool may go on for a long time, so store the turn's messages so far at once.
    signal?.addEventListener("abort", () => void this.interrupt(), { once: true });
    this.#turn.whenClosed(() => this.#end());
  }

  /** Called when the run is over. */
  whenOver: (how: "ended" | "stopped") => void = () => {};

  /** Returns the record of this run, which the agent's state keeps. */
  get record(): RunRecord {
    return this.#record;
  }

  /**
   * Refuses to go on once the session has ended, or the turn was stopped.
   *
   * @throws SessionNotFoundError if the session has ended.
   * @throws AnswerStoppedError if the turn was stopped.
   */
  refuseOver(): void {
    this.refuseStopped();
    if (!this.#watch.signal.aborted) return;
    void this.interrupt();
    throw this.#watch.signal.reason;
  }

  /** @throws AnswerStoppedError if the turn was stopped. Its messages until then are stored. */
  refuseStopped(): void {
    this.#turn.signal?.throwIfAborted();
  }

  /** Notes the new messages of the agent. */
  follow(messages: readonly BaseMessage[]): RunRecord {
    this.#life.show();
    this.#said = [];
    this.#record = withNew(this.#record, messages, (message) => this.#settled.has(message));
    return this.#record;
  }

  /**
   * Stores the new messages as a part of the turn, which goes on.
   *
   * @throws TurnNotStoredError if the part could not be stored, for any reason.
   */
  async storeStep(output: unknown): Promise<RunRecord> {
    const { pending, fence } = this.#record;
    // A turn that replaces messages stores nothing before its end, so that the old messages stay until then.
    if (pending.length === 0 || fence !== undefined) return this.#record;
    try {
      await this.#turn.storeStep({ messages: () => pending, output });
    } catch (error) {
      this.#failed(error);
    }
    return this.#settle(pending);
  }

  /**
   * Stores the turn, or the part of it that is not stored yet.
   *
   * @throws TurnNotStoredError if the turn could not be stored, for any reason.
   */
  async store(output: unknown): Promise<RunRecord> {
    const { pending } = this.#record;
    try {
      await this.#turn.store({ messages: () => pending, output });
    } catch (error) {
      this.#failed(error);
    }
    this.#over();
    this.#record = withEnd(this.#settle(pending), this.#turn.seen);
    return this.#record;
  }

  /**
   * Calls the model, and stops waiting for it when the session ends. Keeps the model's answer, in case the run is
   * interrupted.
   *
   * @param step aborts when this step of the agent fails. Nothing else reports such a failure.
   */
  async callModel<Answer>(call: () => Promise<Answer>, step: AbortSignal | undefined): Promise<Answer> {
    if (step && !this.#steps.has(step)) {
      this.#steps.add(step);
      step.addEventListener("abort", () => void this.interrupt(), { once: true });
    }
    const isTaken = (id: string): boolean =>
      this.#settled.hasId(id) || this.#record.pending.some((message) => message.id === id);
    const heard = hearAnswer({
      isTaken,
      hear: (said) => {
        this.#said = [said];
      },
    });
    try {
      const answer = await this.#life.during(() =>
        raceWithSignal(call(), anyOf(this.#watch.signal, this.#turn.signal)),
      );
      const fresh = withFreshIds(answer, isTaken, heard.freshId);
      this.#said = answerOf(fresh);
      return fresh;
    } finally {
      heard.stop();
    }
  }

  /** Ends a run that broke off, and stores its messages so far. Stores nothing if the session has ended. Idempotent. */
  async interrupt(): Promise<void> {
    if (this.#interrupted) return;
    this.#interrupted = true;
    if (this.#watch.signal.aborted) this.#turn.abandon();
    const { pending } = this.#record;
    const said = this.#said;
    this.#over();
    await this.#turn.interrupt(() => [...pending, ...said]);
  }

  #settle(stored: readonly BaseMessage[]): RunRecord {
    this.#settled.add(stored);
    this.#record = withoutPending(this.#record);
    return this.#record;
  }

  #failed(error: unknown): never {
    this.#over();
    // The caller aborted the run and no longer listens, so report the failure through onError.
    if (this.#interrupted) this.#tellError(error);
    throw error;
  }

  /** Ends the run because its answer is closed. A run that waits for a person keeps its turn, so that it can be resumed. */
  async #end(): Promise<void> {
    if (this.#isOver) return;
    if (this.#turn.signal?.aborted !== true && (await this.#waits())) {
      this.#turn.wait();
      this.#over();
      return;
    }
    await this.interrupt();
  }

  #over(): void {
    this.#isOver = true;
    this.#watch.release();
    this.whenOver(this.#turn.signal?.aborted === true ? "stopped" : "ended");
  }
}

/** Returns a signal that aborts when the first of the two aborts. */
function anyOf(one: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other === undefined ? one : AbortSignal.any([one, other]);
}

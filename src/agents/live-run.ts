import type { BaseMessage } from "@langchain/core/messages";
import { raceWithSignal } from "@langchain/core/runnables";
import type { Turn } from "../turns/turn.js";
import type { SessionWatch } from "../sessions/signals.js";
import { hearAnswer } from "./hear-answer.js";
import { answerOf, idsOf, withFreshIds } from "./message-ids.js";
import { type RunRecord, withEnd, withNew, withoutPending } from "./run-record.js";
import type { SettledMessages } from "./settled-messages.js";
import type { SignOfLife } from "./sign-of-life.js";

/** A run while it is under way in this process. Follows the agent's messages, and stores the turn. */
export class LiveRun {
  readonly #turn: Turn;
  readonly #watch: SessionWatch;
  readonly #life: SignOfLife;
  readonly #tellError: (error: unknown) => void;
  readonly #steps = new WeakSet<AbortSignal>();
  readonly #settled: SettledMessages;
  #record: RunRecord;
  /** The model's latest answer until the state has it, or the part of it that a stream has said so far. */
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
    /** Returns whether the run waits for a person. */
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
    // A tool may go on for long: what there is of the turn is stored now.
    signal?.addEventListener("abort", () => void this.interrupt(), { once: true });
    this.#turn.whenClosed(() => this.#end());
  }

  /** Is called when the run is over. */
  whenOver: (how: "ended" | "stopped") => void = () => {};

  /** Returns what the agent's state has to keep of this run. */
  get record(): RunRecord {
    return this.#record;
  }

  /**
   * Refuses to go on once the session has ended, or the turn was stopped.
   *
   * @throws SessionNotFoundError when the session has ended; AnswerStoppedError when the turn was stopped.
   */
  refuseOver(): void {
    this.refuseStopped();
    if (!this.#watch.signal.aborted) return;
    void this.interrupt();
    throw this.#watch.signal.reason;
  }

  /** @throws AnswerStoppedError when the turn was stopped: what it had by then is stored. */
  refuseStopped(): void {
    this.#turn.signal?.throwIfAborted();
  }

  /** Notes what is new among the agent's messages. */
  follow(messages: readonly BaseMessage[]): RunRecord {
    this.#life.show();
    this.#said = [];
    this.#record = withNew(this.#record, messages, (message) => this.#settled.has(message));
    return this.#record;
  }

  /**
   * Stores what is new as a part of the turn, which goes on.
   *
   * @throws TurnNotStoredError, whatever stood in the way.
   */
  async storeStep(output: unknown): Promise<RunRecord> {
    const { pending, fence } = this.#record;
    // What the turn replaces stays until its end.
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
   * @throws TurnNotStoredError, whatever stood in the way.
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
   * Calls the model, and stops it when the session ends. Keeps what the model said, in case the run is interrupted.
   *
   * @param step aborts when this step of the agent fails. Nothing else reports that.
   */
  async callModel<Answer>(call: () => Promise<Answer>, step: AbortSignal | undefined): Promise<Answer> {
    if (step && !this.#steps.has(step)) {
      this.#steps.add(step);
      step.addEventListener("abort", () => void this.interrupt(), { once: true });
    }
    const stopHearing = hearAnswer((said) => {
      this.#said = [said];
    });
    try {
      const answer = await this.#life.during(() =>
        raceWithSignal(call(), anyOf(this.#watch.signal, this.#turn.signal)),
      );
      const pending = idsOf(this.#record.pending);
      const fresh = withFreshIds(answer, (id) => pending.has(id) || this.#settled.hasId(id));
      this.#said = answerOf(fresh);
      return fresh;
    } finally {
      stopHearing();
    }
  }

  /** Ends a run that broke off, and stores what it has so far. Stores nothing for a session that has ended. Idempotent. */
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
    // The caller was told that the run was aborted, and no longer listens.
    if (this.#interrupted) this.#tellError(error);
    throw error;
  }

  /** Ends the run because its answer is closed. One that waits for a person goes on when somebody resumes it. */
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

/** Returns a signal that aborts with the first of these. */
function anyOf(one: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other === undefined ? one : AbortSignal.any([one, other]);
}

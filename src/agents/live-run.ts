import type { BaseMessage } from "@langchain/core/messages";
import { raceWithSignal } from "@langchain/core/runnables";
import type { Turn } from "../turns/turn.js";
import type { SessionWatch } from "../sessions/signals.js";
import { hearAnswer } from "./hear-answer.js";
import { answerOf, idsOf, withFreshIds } from "./message-ids.js";
import { type RunRecord, withNew, withoutPending } from "./run-record.js";
import type { SettledMessages } from "./settled-messages.js";
import type { SignOfLife } from "./sign-of-life.js";

/** A run while it is under way in this process. */
export class LiveRun {
  readonly #turn: Turn;
  readonly #watch: SessionWatch;
  readonly #life: SignOfLife;
  readonly #tellError: (error: unknown) => void;
  readonly #steps = new WeakSet<AbortSignal>();
  readonly #settled: SettledMessages;
  #record: RunRecord;
  /** The model's latest answer, while it is not in the state yet; or what has been said of it, if it is streamed. */
  #said: readonly BaseMessage[] = [];
  #interrupted = false;

  constructor(run: {
    turn: Turn;
    watch: SessionWatch;
    life: SignOfLife;
    record: RunRecord;
    settled: SettledMessages;
    tellError: (error: unknown) => void;
  }) {
    this.#turn = run.turn;
    this.#watch = run.watch;
    this.#life = run.life;
    this.#record = run.record;
    this.#settled = run.settled;
    this.#tellError = run.tellError;
  }

  /** Called when the run is over. */
  whenOver: () => void = () => {};

  get record(): RunRecord {
    return this.#record;
  }

  /** @throws SessionNotFoundError when the session has ended. */
  refuseEnded(): void {
    if (!this.#watch.signal.aborted) return;
    void this.interrupt();
    throw this.#watch.signal.reason;
  }

  /** Takes note of what is new among the agent's messages. */
  follow(messages: readonly BaseMessage[]): RunRecord {
    this.#life.show();
    this.#said = [];
    this.#record = withNew(this.#record, messages, (message) => this.#settled.has(message));
    return this.#record;
  }

  /**
   * Stores what is new, and goes on.
   *
   * @throws TurnNotStoredError
   */
  async storeStep(output: unknown): Promise<RunRecord> {
    const { pending, stored } = this.#record;
    if (pending.length === 0) return this.#record;
    try {
      await this.#turn.storeStep({ messages: () => pending, output }, stored);
    } catch (error) {
      this.#failed(error);
    }
    return this.#settle(pending);
  }

  /**
   * Stores the turn, or what is left of it.
   *
   * @throws TurnNotStoredError
   */
  async store(output: unknown): Promise<RunRecord> {
    const { pending, stored } = this.#record;
    try {
      await this.#turn.store({ messages: () => pending, output }, stored);
    } catch (error) {
      this.#failed(error);
    }
    this.#over();
    return this.#settle(pending);
  }

  /**
   * Calls the model, which stops when the session ends; and keeps what it said, should the run be interrupted.
   *
   * @param step aborts when this step of the agent fails, which nothing else would tell.
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
      const answer = await this.#life.during(() => raceWithSignal(call(), this.#watch.signal));
      const pending = idsOf(this.#record.pending);
      const fresh = withFreshIds(answer, (id) => pending.has(id) || this.#settled.hasId(id));
      this.#said = answerOf(fresh);
      return fresh;
    } finally {
      stopHearing();
    }
  }

  /** However the run broke off. Nothing is stored for a session that has ended. */
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
    // Whoever called has been told that the run was aborted, and hears no more of it.
    if (this.#interrupted) this.#tellError(error);
    throw error;
  }

  #over(): void {
    this.#watch.release();
    this.whenOver();
  }
}

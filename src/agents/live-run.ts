import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import { AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import { raceWithSignal } from "@langchain/core/runnables";
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import type { Turn } from "../chat-history/turn.js";
import type { SessionWatch } from "../sessions/signals.js";
import type { SignOfLife } from "./sign-of-life.js";
import { type RunRecord, withNew, withoutPending } from "./run-record.js";

/** A run while it is under way in this process. */
export class LiveRun {
  readonly #turn: Turn;
  readonly #watch: SessionWatch;
  readonly #life: SignOfLife;
  #record: RunRecord;
  /** What a model has said so far, if its answer is streamed. */
  #saying: AIMessageChunk | undefined;

  constructor(run: { turn: Turn; watch: SessionWatch; life: SignOfLife; record: RunRecord }) {
    this.#turn = run.turn;
    this.#watch = run.watch;
    this.#life = run.life;
    this.#record = run.record;
  }

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
    this.#record = withNew(this.#record, messages);
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
      this.#watch.release();
      throw error;
    }
    this.#record = withoutPending(this.#record);
    return this.#record;
  }

  /**
   * Stores the turn, or what is left of it.
   *
   * @throws TurnNotStoredError
   */
  async store(output: unknown): Promise<RunRecord> {
    const { pending, stored } = this.#record;
    this.#watch.release();
    await this.#turn.store({ messages: () => pending, output }, stored);
    this.#record = withoutPending(this.#record);
    return this.#record;
  }

  /** Calls the model, which stops when the session ends; and keeps what it said, should the run be interrupted. */
  async callModel<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    this.#saying = undefined;
    listen((chunk) => {
      this.#saying = this.#saying?.concat(chunk) ?? chunk;
    });
    const answer = await this.#life.during(() => raceWithSignal(call(), this.#watch.signal));
    this.#saying = undefined;
    return answer;
  }

  /** However the run broke off. Nothing is stored for a session that has ended. */
  async interrupt(): Promise<void> {
    this.#watch.release();
    if (this.#watch.signal.aborted) this.#turn.abandon();
    const { pending } = this.#record;
    await this.#turn.interrupt(() => (this.#saying ? [...pending, this.#saying] : pending));
  }
}

/** Hears the tokens of the model that is about to be called; there are some when somebody streams. */
function listen(hear: (chunk: AIMessageChunk) => void): void {
  const callbacks: unknown = AsyncLocalStorageProviderSingleton.getRunnableConfig()?.callbacks;
  if (typeof callbacks !== "object" || callbacks === null || !("addHandler" in callbacks)) return;
  const handler = BaseCallbackHandler.fromMethods({
    handleLLMNewToken(_token, _index, _runId, _parentRunId, _tags, fields) {
      const chunk: unknown = fields?.chunk && "message" in fields.chunk ? fields.chunk.message : undefined;
      if (AIMessageChunk.isInstance(chunk)) hear(chunk);
    },
  });
  handler.awaitHandlers = true;
  (callbacks as { addHandler(handler: BaseCallbackHandler, inherit: boolean): void }).addHandler(handler, true);
}

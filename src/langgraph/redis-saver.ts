import type { RunnableConfig } from "@langchain/core/runnables";
import {
  parsePrune,
  parseRedisSaverOptions,
  parseThreadId,
  type PruneOptions,
  type RedisSaverOptions,
  type RedisSaverSettings,
} from "../checkpoints/options.js";
import { standaloneThread, Thread } from "../checkpoints/thread.js";
import { threadIds } from "../checkpoints/thread-ids.js";
import { type Bound, CheckpointSaver } from "./checkpoint-saver.js";

/**
 * A LangGraph checkpointer on plain Redis, without modules. Each call is one script, so it takes effect once and whole,
 * or not at all. A message that many checkpoints contain is stored once, so a thread grows only with new content.
 *
 * - The latest checkpoint is the one that Redis received last, whatever the clocks of the programs say.
 * - A deleted thread stays deleted: for a day, a run that was under way cannot write (ThreadDeletedError).
 * - LangGraph reports a refused write at the end of the run (`durability: "async"`) or of the step (`"sync"`). Tools
 *   may have run by then.
 * - The saver trusts Redis: it loads the objects of a checkpoint as LangChain's `load()` does.
 *
 * @example
 * ```ts
 * const checkpointer = new RedisSaver({ client });
 * const agent = createAgent({ model, tools, checkpointer });
 * await agent.invoke({ messages: "Hi" }, { configurable: { thread_id: "42" } });
 * ```
 */
export class RedisSaver extends CheckpointSaver {
  readonly #settings: RedisSaverSettings;

  /** @throws InvalidOptionError when an option is missing, unknown or of the wrong form. */
  constructor(options: RedisSaverOptions) {
    const settings = parseRedisSaverOptions(options);
    super(settings);
    this.#settings = settings;
  }

  /**
   * Removes all checkpoints of a thread, in one round trip. For a day, a run that was under way cannot write them back.
   * A run that begins later begins a new thread.
   *
   * @throws InvalidOptionError when the id is not a non-empty, well-formed string of at most 1 KiB.
   * @throws StoreUnavailableError when Redis did not answer within `deadline`. It is safe to repeat the call.
   */
  async deleteThread(threadId: string): Promise<void> {
    await this.#thread(threadId).remove();
  }

  /**
   * Removes the oldest checkpoints of a thread beyond `keep`, in bounded steps of one round trip each. Keeps the latest
   * one, and every checkpoint without which a kept one cannot be read, so an interrupted run can go on.
   *
   * @returns the number of removed checkpoints.
   * @throws the errors of `deleteThread`.
   */
  async prune(threadId: string, options: PruneOptions): Promise<number> {
    return this.#thread(threadId).prune(parsePrune(options).keep);
  }

  /**
   * Returns the ids of all threads under this `keyPrefix`, in no particular order. Scans every primary with `SCAN`,
   * which an ACL has to allow, so it takes time in proportion to all keys that Redis holds. Threads that are added or
   * deleted during the scan may or may not be returned.
   *
   * @throws StoreUnavailableError when Redis did not answer within `deadline`.
   */
  threads(): AsyncGenerator<string> {
    return threadIds(this.#settings);
  }

  /** @internal */
  protected threadOf({ configurable }: RunnableConfig): Bound | undefined {
    const id: unknown = configurable?.["thread_id"];
    return id === undefined || id === null ? undefined : this.#bound(parseThreadId(id));
  }

  /** @internal */
  protected async *threadsOf(config: RunnableConfig): AsyncGenerator<Bound> {
    const one = this.threadOf(config);
    if (one !== undefined) {
      yield one;
      return;
    }
    for await (const id of this.threads()) yield this.#bound(id);
  }

  #bound(id: string): Bound {
    return { thread: this.#thread(id), configurable: {} };
  }

  #thread(id: string): Thread {
    return new Thread(standaloneThread(this.#settings, parseThreadId(id)), this.threadSettings);
  }
}

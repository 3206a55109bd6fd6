import type { RunnableConfig } from "@langchain/core/runnables";
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  type DeltaChannelHistory,
  type PendingWrite,
} from "@langchain/langgraph-checkpoint";
import type { Session, SessionStore } from "langchain-redis-sessions";
import type { SessionSaver } from "langchain-redis-sessions/langgraph";
import { freshId } from "../../support/turns.js";
import type { Saver } from "./place.js";

/**
 * A SessionSaver as a suite sees it that invents thread ids: each thread is the conversation of a session of its own. The
 * id of the one takes the place of that of the other, in both directions.
 */
export class BoundSaver extends BaseCheckpointSaver implements Saver {
  readonly #sessions: SessionStore;
  readonly #saver: SessionSaver;
  /** By thread id; shared by the savers of one place. */
  readonly threads: Map<string, Promise<Session>>;

  constructor(sessions: SessionStore, saver: SessionSaver, threads: Map<string, Promise<Session>>) {
    super();
    this.#sessions = sessions;
    this.#saver = saver;
    this.threads = threads;
  }

  override async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    if (config.configurable?.["thread_id"] === undefined) return undefined;
    const tuple = await this.#saver.getTuple(await this.#inside(config));
    return tuple && outside(tuple, config.configurable["thread_id"] as string);
  }

  /** A SessionSaver lists the thread of its session only: without a thread, the lists of all are put together. */
  override async *list(config: RunnableConfig, options: CheckpointListOptions = {}): AsyncGenerator<CheckpointTuple> {
    const asked = config.configurable?.["thread_id"] as string | undefined;
    let left = options.limit ?? Infinity;
    for (const thread of asked === undefined ? this.threads.keys() : [asked]) {
      const inside = await this.#inside({ configurable: { ...config.configurable, thread_id: thread } });
      for await (const tuple of this.#saver.list(inside, { ...options, limit: left })) {
        yield outside(tuple, thread);
        left -= 1;
      }
    }
  }

  override async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions,
  ): Promise<RunnableConfig> {
    const stored = await this.#saver.put(await this.#inside(config), checkpoint, metadata, newVersions);
    return configOutside(stored, config.configurable?.["thread_id"] as string);
  }

  override async putWrites(
    config: RunnableConfig,
    writes: PendingWrite[],
    taskId: string,
    taskPath?: string,
  ): Promise<void> {
    await this.#saver.putWrites(await this.#inside(config), writes, taskId, taskPath);
  }

  override async deleteThread(threadId: string): Promise<void> {
    const session = await this.#session(threadId);
    await this.#saver.deleteThread(session.conversationId, session);
  }

  async prune(threadId: string, options: { readonly keep: number }): Promise<unknown> {
    const session = await this.#session(threadId);
    return this.#saver.prune(session.conversationId, { ...options, session });
  }

  override async getDeltaChannelHistory({
    config,
    channels,
  }: {
    config: RunnableConfig;
    channels: string[];
  }): Promise<Record<string, DeltaChannelHistory>> {
    return this.#saver.getDeltaChannelHistory({ config: await this.#inside(config), channels });
  }

  async #inside({ configurable, ...config }: RunnableConfig): Promise<RunnableConfig> {
    const thread = configurable?.["thread_id"] as string | undefined;
    if (thread === undefined) return { ...config, ...(configurable && { configurable }) };
    const session = await this.#session(thread);
    return { ...config, configurable: { ...configurable, thread_id: session.conversationId, session } };
  }

  #session(thread: string): Promise<Session> {
    const opened =
      this.threads.get(thread) ??
      this.#sessions.create({ userId: freshId(), agentId: "assistant" }).then(({ session }) => session);
    this.threads.set(thread, opened);
    return opened;
  }
}

function outside({ config, parentConfig, ...tuple }: CheckpointTuple, thread: string): CheckpointTuple {
  return {
    ...tuple,
    config: configOutside(config, thread),
    ...(parentConfig && { parentConfig: configOutside(parentConfig, thread) }),
  };
}

function configOutside({ configurable, ...config }: RunnableConfig, thread: string): RunnableConfig {
  const { session: _, ...others } = configurable ?? {};
  return { ...config, configurable: { ...others, thread_id: thread } };
}

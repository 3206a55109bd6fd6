import type { RunnableConfig } from "@langchain/core/runnables";
import {
  type BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  uuid6,
} from "@langchain/langgraph-checkpoint";

type Values = Readonly<Record<string, unknown>>;

interface PutOptions {
  /** The config that the parent's put returned, or one without a `checkpoint_id` for the first of a namespace. */
  readonly on: RunnableConfig;
  /** What has changed; the other channels are the parent's. */
  readonly values?: Values;
  /** Those of the parent. */
  readonly carried?: Values;
  readonly versions?: ChannelVersions;
  readonly id?: string;
  readonly metadata?: Partial<CheckpointMetadata> & Readonly<Record<string, unknown>>;
}

/** Makes what LangGraph hands to `put`. Without `versions`, each changed channel is of version 1. */
export function putArguments({
  on,
  values = {},
  carried = {},
  versions = {},
  id = uuid6(0),
  metadata = {},
}: PutOptions): [RunnableConfig, Checkpoint, CheckpointMetadata, ChannelVersions] {
  // A channel may have the name of what every object inherits.
  const version = (channel: string) => (Object.hasOwn(versions, channel) ? versions[channel] : undefined) ?? 1;
  const newVersions = Object.fromEntries(Object.keys(values).map((channel) => [channel, version(channel)]));
  const older = Object.fromEntries(Object.keys(carried).map((channel) => [channel, version(channel)]));
  const checkpoint: Checkpoint = {
    v: 4,
    id,
    ts: new Date().toISOString(),
    channel_values: { ...carried, ...values },
    channel_versions: { ...older, ...newVersions },
    versions_seen: {},
  };
  return [on, checkpoint, { source: "loop", step: 0, parents: {}, ...metadata }, newVersions];
}

/** Stores a checkpoint and returns its config. */
export function put(saver: BaseCheckpointSaver, options: PutOptions): Promise<RunnableConfig> {
  return saver.put(...putArguments(options));
}

/** The config of a thread's latest checkpoint in a namespace. */
export function threadConfig(threadId: string, namespace = ""): RunnableConfig {
  return { configurable: { thread_id: threadId, checkpoint_ns: namespace } };
}

/** Returns the id of the checkpoint that a config names. */
export function idOf({ configurable }: RunnableConfig): string {
  return configurable?.["checkpoint_id"] as string;
}

/** Returns the channels of a checkpoint that is there. */
export async function valuesOf(saver: BaseCheckpointSaver, config: RunnableConfig): Promise<Values> {
  const tuple = await saver.getTuple(config);
  if (tuple === undefined) throw new Error("The checkpoint is not there.");
  return tuple.checkpoint.channel_values;
}

export async function listed(
  saver: BaseCheckpointSaver,
  config: RunnableConfig,
  options?: CheckpointListOptions,
): Promise<CheckpointTuple[]> {
  const tuples: CheckpointTuple[] = [];
  for await (const tuple of saver.list(config, options)) tuples.push(tuple);
  return tuples;
}

export async function listedIds(
  saver: BaseCheckpointSaver,
  config: RunnableConfig,
  options?: CheckpointListOptions,
): Promise<string[]> {
  return (await listed(saver, config, options)).map((tuple) => tuple.checkpoint.id);
}

/** Stores so many checkpoints, each on the one before; in `values`, what each changes. Returns their configs. */
export async function chain(
  saver: BaseCheckpointSaver,
  threadId: string,
  length: number,
  values: (step: number) => Values = (step) => ({ step }),
): Promise<RunnableConfig[]> {
  const configs: RunnableConfig[] = [];
  let on = threadConfig(threadId);
  for (let step = 0; step < length; step++) {
    const changed = values(step);
    const versions = Object.fromEntries(Object.keys(changed).map((channel) => [channel, step + 1]));
    on = await put(saver, { on, values: changed, versions, metadata: { step } });
    configs.push(on);
  }
  return configs;
}

import type { RunnableConfig } from "@langchain/core/runnables";
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointPendingWrite,
  type CheckpointTuple,
  getCheckpointId,
  maxChannelVersion,
  type PendingWrite,
  TASKS,
  WRITES_IDX_MAP,
} from "@langchain/langgraph-checkpoint";
import { KnownNodes } from "../checkpoints/known-nodes.js";
import { DamagedNode, type StoredNodes } from "../checkpoints/nodes.js";
import type { SaverSettings } from "../checkpoints/options.js";
import { escaped, partsOf, placeOf } from "../checkpoints/place.js";
import type {
  BeginningRun,
  ChannelVersion,
  CheckpointEntry,
  StoredCheckpoints,
  Thread,
  ThreadSettings,
} from "../checkpoints/thread.js";
import { type Encode, UnserializableValue, Values } from "../checkpoints/values.js";
import { inOrder, type StoredWrite } from "../checkpoints/writes.js";
import { CorruptCheckpointError, InvalidOptionError } from "../errors.js";
import { hiddenAgain, opened, withContent } from "../frameworks/hidden-state.js";

/** The page sizes of `list`: of checkpoints with their values, and of metadata alone. */
const PAGE = 20;
const METADATA_PAGE = 200;

/** The history of a channel, as `getDeltaChannelHistory` returns it. */
export interface ChannelHistory {
  writes: CheckpointPendingWrite[];
  seed?: unknown;
}

/** A thread, and the fields that configs of its checkpoints hold beside its id. */
export interface Bound {
  readonly thread: Thread;
  readonly configurable: Readonly<Record<string, unknown>>;
  /** The turn whose run begins with this call, if any. */
  readonly begins?: BeginningRun | undefined;
}

/** The common part of {@link RedisSaver} and {@link SessionSaver}. A subclass says where a thread is stored. */
export abstract class CheckpointSaver extends BaseCheckpointSaver {
  readonly #values: Values;
  /** @internal */
  protected readonly threadSettings: ThreadSettings;

  constructor({ serde, maxCheckpoints, onlyLatest, maxValueBytes }: SaverSettings) {
    super(serde);
    this.#values = new Values(this.serde, serde === undefined);
    this.threadSettings = { maxCheckpoints, onlyLatest, maxValueBytes, known: new KnownNodes() };
  }

  /** @internal Returns the thread that a config names; `undefined` if it names none. */
  protected abstract threadOf(config: RunnableConfig): Bound | undefined;

  /** @internal Returns the threads whose checkpoints are listed for a config. */
  protected abstract threadsOf(config: RunnableConfig): AsyncIterable<Bound> | Iterable<Bound>;

  /**
   * Returns the checkpoint that the config names. If it names none, returns the latest of its namespace, which is the
   * one that Redis received last. Returns `undefined` if there is no such checkpoint. Takes one round trip.
   *
   * @throws CorruptCheckpointError when a part of the checkpoint is missing or changed. No other state is returned
   * instead.
   * @throws StoreUnavailableError when Redis did not answer within `deadline`.
   */
  async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const bound = this.threadOf(config);
    if (bound === undefined) return undefined;
    const namespace = namespaceOf(config);
    const id = getCheckpointId(config);
    const { entries, nodes } =
      bound.begins === undefined
        ? await bound.thread.read(namespace, id === "" ? [] : [placeOf(namespace, id)])
        : await bound.thread.begin(bound.begins);
    const [entry] = entries;
    return entry === undefined ? undefined : this.#tuple(bound, entry, nodes);
  }

  /**
   * Lists checkpoints, the one that Redis received last first. Takes one round trip for each 20 checkpoints, and with a
   * `filter` one more for each 200 checkpoints that it looks at. `before` limits the list to checkpoints that Redis
   * received earlier than the one it names. If that one is not in the thread, the list holds the checkpoints with
   * smaller ids.
   *
   * @throws the errors of `getTuple`.
   */
  async *list(
    config: RunnableConfig,
    { limit = Number.POSITIVE_INFINITY, before, filter }: CheckpointListOptions = {},
  ): AsyncGenerator<CheckpointTuple> {
    let left = limit;
    if (left <= 0) return;
    for await (const bound of this.threadsOf(config)) {
      for await (const tuple of this.#listThread(bound, config, { limit: left, before, filter })) {
        yield tuple;
        left -= 1;
      }
      if (left <= 0) return;
    }
  }

  /**
   * Stores a checkpoint, once and whole. The script takes the values of unchanged channels from the parent; of the
   * other values, the saver sends only the parts that the thread does not have yet. Takes one round trip, or more if
   * the thread has lost something since this saver saw it.
   *
   * @returns the config that names the checkpoint.
   * @throws ThreadDeletedError when the thread was deleted while the run was under way. Nothing was stored.
   * @throws ThreadChangedError with `forks: "refuse"`, when the run is not built on the latest checkpoint. Nothing was
   * stored.
   * @throws InvalidOptionError when an id is not a well-formed string, a value would not come back from the
   * serializer (a bigint, an object that LangChain cannot load), or a part of a value is larger than `maxValueBytes`.
   * Nothing was stored.
   * @throws StoreUnavailableError when Redis did not answer within `deadline`. It is safe to repeat the call.
   */
  async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions,
  ): Promise<RunnableConfig> {
    const bound = this.#required(config);
    const namespace = namespaceOf(config);
    const place = placeOf(namespace, checkpoint.id);
    const parentId = getCheckpointId(config);
    const parent = parentId === "" ? "" : placeOf(namespace, parentId);
    const { channel_values: values, ...rest } = checkpoint;
    const names = Object.keys(values);
    // A fork has all values of its original and reports no new versions, so treat each channel as new.
    const isCopy = metadata.source === "fork";
    const isNew = (channel: string): boolean => isCopy || Object.hasOwn(newVersions, channel);
    const versioned = (channel: string): ChannelVersion => ({
      channel: channelName(channel),
      version: JSON.stringify(checkpoint.channel_versions[channel] ?? null),
    });
    const store = async (stored: readonly string[], carried: readonly string[]): Promise<boolean> => {
      const encode = await this.#encoded(
        stored.map((channel) => ({ channel, value: values[channel] })),
        [rest, metadata],
      );
      return bound.thread.put({
        place,
        parent,
        enclosing: enclosingOf(namespace, metadata),
        holdsLease: holdsLease(values),
        old: checkpoint.v < 4,
        delta: deltaChannels(checkpoint, metadata),
        encode,
        stored: stored.map(versioned),
        carried: carried.map(versioned),
      });
    };
    const carried = parent === "" ? [] : names.filter((channel) => !isNew(channel));
    // If the parent is gone or has other versions, send all values.
    if (!(await store(names.filter(isNew), carried)) && !(await store(names, []))) {
      throw new CorruptCheckpointError(bound.thread.id);
    }
    return configOf(bound, namespace, checkpoint.id);
  }

  /**
   * Stores the writes of one task to a checkpoint. The checkpoint itself may be stored later. Takes one round trip. It
   * is safe to repeat the call.
   *
   * @throws the errors of `put`, except ThreadDeletedError and ThreadChangedError.
   */
  async putWrites(config: RunnableConfig, writes: PendingWrite[], taskId: string, taskPath = ""): Promise<void> {
    const bound = this.#required(config);
    const id = getCheckpointId(config);
    if (id === "")
      throw new InvalidOptionError("configurable.checkpoint_id", "name the checkpoint that was written to.");
    if (writes.length === 0) return;
    const encode = await this.#encoded(writes.map(([channel, value]) => ({ channel, value })));
    await bound.thread.putWrites({
      place: placeOf(namespaceOf(config), id),
      task: escaped("taskId", taskId),
      path: escaped("taskPath", taskPath),
      writes: writes.map(([channel], index) => ({
        index: String(Object.hasOwn(WRITES_IDX_MAP, channel) ? WRITES_IDX_MAP[channel] : index),
        channel: channelName(channel),
      })),
      encode,
    });
  }

  /**
   * Returns the writes to channels on the way to a checkpoint, for each channel back to the nearest ancestor that has
   * its value. Takes one round trip for each 100 ancestors.
   *
   * @throws the errors of `getTuple`.
   */
  override async getDeltaChannelHistory({
    config,
    channels,
  }: {
    config: RunnableConfig;
    channels: string[];
  }): Promise<Record<string, ChannelHistory>> {
    const histories = new Map(channels.map((channel): [string, ChannelHistory] => [channel, { writes: [] }]));
    const bound = this.threadOf(config);
    if (bound !== undefined && channels.length > 0) {
      const namespace = namespaceOf(config);
      const id = getCheckpointId(config);
      const place = id === "" ? "" : placeOf(namespace, id);
      for await (const { ancestor, nodes } of bound.thread.ancestors(namespace, place, channels)) {
        const writes = await this.#pendingWrites(bound, nodes, inOrder(ancestor.tasks));
        for (const write of writes.toReversed()) histories.get(write[1])?.writes.push(write);
        for (const { channel, reference } of ancestor.values) {
          const history = histories.get(channel);
          if (history !== undefined) history.seed = await this.#value(bound, nodes, reference, channel);
        }
      }
    }
    for (const history of histories.values()) history.writes.reverse();
    return Object.fromEntries(histories);
  }

  async *#listThread(
    bound: Bound,
    config: RunnableConfig,
    {
      limit,
      before,
      filter,
    }: Required<Pick<CheckpointListOptions, "limit">> & {
      before: RunnableConfig | undefined;
      filter: Readonly<Record<string, unknown>> | undefined;
    },
  ): AsyncGenerator<CheckpointTuple> {
    const isFiltered = filter !== undefined && Object.keys(filter).length > 0;
    const pages = isFiltered
      ? this.#matching(bound, config, before, filter)
      : this.#pages(bound, config, before, limit);
    let left = limit;
    for await (const { entries, nodes } of pages) {
      for (const entry of entries) {
        yield await this.#tuple(bound, entry, nodes);
        left -= 1;
        if (left <= 0) return;
      }
    }
  }

  async *#pages(
    { thread }: Bound,
    config: RunnableConfig,
    before: RunnableConfig | undefined,
    limit: number,
  ): AsyncGenerator<StoredCheckpoints> {
    const wanted = wantedBy(config, before);
    for (let below = "+inf"; below !== ""; wanted.query.before = "") {
      // If ids are compared, most of a page may be newer and unwanted, so read whole pages.
      const page = await thread.list({ ...wanted.query, below, limit: wanted.byId ? PAGE : Math.min(PAGE, limit) });
      wanted.byId ??= !page.hasBefore;
      yield { entries: page.entries.filter(({ place }) => isWanted(wanted, place)), nodes: page.nodes };
      below = page.below;
    }
  }

  /** Reads the metadata of a page first, and then only the checkpoints that match. */
  async *#matching(
    bound: Bound,
    config: RunnableConfig,
    before: RunnableConfig | undefined,
    filter: Readonly<Record<string, unknown>>,
  ): AsyncGenerator<StoredCheckpoints> {
    const { thread } = bound;
    const wanted = wantedBy(config, before);
    for (let below = "+inf"; below !== ""; wanted.query.before = "") {
      const page = await thread.listMetadata({ ...wanted.query, below, limit: METADATA_PAGE });
      wanted.byId ??= !page.hasBefore;
      const places: string[] = [];
      for (const { place, metadata } of page.entries.filter((entry) => isWanted(wanted, entry.place))) {
        const found = (await this.#value(bound, page.nodes, metadata)) as Readonly<Record<string, unknown>>;
        if (Object.entries(filter).every(([name, value]) => found[name] === value)) places.push(place);
      }
      for (let from = 0; from < places.length; from += PAGE) {
        yield thread.read("", places.slice(from, from + PAGE));
      }
      below = page.below;
    }
  }

  async #tuple(bound: Bound, entry: CheckpointEntry, nodes: StoredNodes): Promise<CheckpointTuple> {
    const { namespace, id } = partsOf(entry.place);
    const values: [string, unknown][] = [];
    for (const { channel, reference } of entry.values) {
      values.push([channel, await this.#value(bound, nodes, reference, channel)]);
    }
    const rest = (await this.#value(bound, nodes, entry.rest)) as Omit<Checkpoint, "channel_values">;
    const checkpoint: Checkpoint = { ...rest, channel_values: hiddenAgain(Object.fromEntries(values)) };
    if (checkpoint.v < 4 && entry.parent !== "") {
      const sends = inOrder(entry.sends).filter(({ channel }) => channel === TASKS);
      const versions = Object.values(checkpoint.channel_versions);
      checkpoint.channel_values[TASKS] = (await this.#pendingWrites(bound, nodes, sends)).map(([, , value]) => value);
      checkpoint.channel_versions[TASKS] =
        versions.length > 0 ? maxChannelVersion(...versions) : this.getNextVersion(undefined);
    }
    return {
      config: configOf(bound, namespace, id),
      checkpoint,
      metadata: (await this.#value(bound, nodes, entry.metadata)) as CheckpointMetadata,
      pendingWrites: await this.#pendingWrites(bound, nodes, inOrder(entry.tasks)),
      ...(entry.parent === "" ? {} : { parentConfig: configOf(bound, namespace, partsOf(entry.parent).id) }),
    };
  }

  #pendingWrites(bound: Bound, nodes: StoredNodes, writes: readonly StoredWrite[]): Promise<CheckpointPendingWrite[]> {
    return Promise.all(
      writes.map(async ({ task, channel, reference }): Promise<CheckpointPendingWrite> => {
        return [task, channel, await this.#value(bound, nodes, reference, channel)];
      }),
    );
  }

  async #value(
    { thread }: Bound,
    nodes: StoredNodes,
    reference: CheckpointEntry["rest"],
    channel?: string,
  ): Promise<unknown> {
    try {
      return await this.#values.decode(nodes, reference);
    } catch (error) {
      if (error instanceof DamagedNode) throw new CorruptCheckpointError(thread.id, channel, error.reason);
      throw error;
    }
  }

  async #encoded(
    given: readonly { readonly channel: string; readonly value: unknown }[],
    apart?: readonly unknown[],
  ): Promise<Encode> {
    try {
      return await this.#values.dump(
        given.map(({ value }) => withContent(value)),
        apart,
      );
    } catch (error) {
      if (!(error instanceof UnserializableValue)) throw error;
      const channel = error.index === undefined ? undefined : given[error.index]?.channel;
      const what = channel === undefined ? "its metadata" : `the value of the channel ${JSON.stringify(channel)}`;
      throw new InvalidOptionError(
        "checkpoint",
        `${what} would not come back from the serializer. Store a bigint as a string, and no object that looks like one of LangChain's.`,
      );
    }
  }

  #required(config: RunnableConfig): Bound {
    const bound = this.threadOf(config);
    if (bound === undefined) {
      throw new InvalidOptionError(
        "configurable.thread_id",
        'name the thread: graph.invoke(input, { configurable: { thread_id: "…" } }).',
      );
    }
    return bound;
  }
}

/** The checkpoints of a thread that a call of `list` wants. */
interface Wanted {
  readonly query: { readonly namespace: string | undefined; readonly id: string; before: string };
  /**
   * True if `before` is not in the thread. Then its id, which begins with a time, decides which checkpoints are older.
   * `undefined` until the first page has been read.
   */
  byId: boolean | undefined;
  readonly beforeId: string;
}

function wantedBy(config: RunnableConfig, before: RunnableConfig | undefined): Wanted {
  const namespace = config.configurable?.["checkpoint_ns"] === undefined ? undefined : namespaceOf(config);
  const beforeId = before === undefined ? "" : getCheckpointId(before);
  const place = beforeId === "" || before === undefined ? "" : placeOf(namespace ?? namespaceOf(before), beforeId);
  return {
    query: { namespace, id: getCheckpointId(config), before: place },
    byId: beforeId === "" ? false : undefined,
    beforeId,
  };
}

function isWanted({ byId, beforeId }: Wanted, place: string): boolean {
  return byId !== true || partsOf(place).id < beforeId;
}

/**
 * Returns true for the state of an agent whose `sessionMiddleware` makes turns run one after another. LangGraph stores
 * the input of a run before the middleware lets that run wait or refuses it. This input must not lock out the run that
 * holds the conversation.
 */
function holdsLease({ _session: record }: Readonly<Record<string, unknown>>): boolean {
  return typeof opened(record)?.["lease"] === "string";
}

function namespaceOf({ configurable }: RunnableConfig): string {
  const namespace: unknown = configurable?.["checkpoint_ns"] ?? "";
  if (typeof namespace !== "string") throw new InvalidOptionError("configurable.checkpoint_ns", "use a string.");
  return namespace;
}

/** Returns the place of the checkpoint in which the graph of a namespace runs as a node, or `""` if there is none. */
function enclosingOf(namespace: string, { parents }: Partial<CheckpointMetadata>): string {
  // If a node runs a second graph, that graph's namespace is "<node>:<task>|1".
  const graph = namespace.replace(/(?:\|\d+)+$/, "");
  const end = graph.lastIndexOf("|");
  const outer = end < 0 ? "" : graph.slice(0, end);
  const id = namespace === "" || parents === undefined || !Object.hasOwn(parents, outer) ? undefined : parents[outer];
  return id === undefined ? "" : placeOf(outer, id);
}

/**
 * Returns the channels whose values are built from writes to ancestors. In threads that LangGraph marks with
 * `delta_writes_versioned`, such a channel has a version from its first write on, so a channel without a version is
 * empty.
 */
function deltaChannels(
  { channel_versions: versions }: Checkpoint,
  metadata: CheckpointMetadata<Record<string, unknown>>,
): string[] {
  const channels = Object.keys(metadata.counters_since_delta_snapshot ?? {});
  return metadata["delta_writes_versioned"] === true
    ? channels.filter((channel) => Object.hasOwn(versions, channel))
    : channels;
}

function channelName(channel: string): string {
  if (!channel.isWellFormed()) throw new InvalidOptionError("channel", "use a well-formed string for its name.");
  return channel;
}

function configOf({ thread, configurable }: Bound, namespace: string, id: string): RunnableConfig {
  return {
    configurable: { ...configurable, thread_id: thread.id, checkpoint_ns: namespace, checkpoint_id: id },
  };
}

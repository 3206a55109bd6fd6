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
import { Values } from "../checkpoints/values.js";
import { inOrder, type StoredWrite } from "../checkpoints/writes.js";
import { CorruptCheckpointError, InvalidOptionError } from "../errors.js";
import { hiddenAgain, opened, withContent } from "../frameworks/hidden-state.js";

/** How many checkpoints with their values one script returns, and how many without. */
const PAGE = 20;
const METADATA_PAGE = 200;

/** What a channel's history is made of, as `getDeltaChannelHistory` returns it. */
export interface ChannelHistory {
  writes: CheckpointPendingWrite[];
  seed?: unknown;
}

/** A thread, and what the configs that name its checkpoints have beside its id. */
export interface Bound {
  readonly thread: Thread;
  readonly configurable: Readonly<Record<string, unknown>>;
  /** The turn whose run begins with this call. */
  readonly begins?: BeginningRun | undefined;
}

/** What {@link RedisSaver} and {@link SessionSaver} share: all but where a thread is. */
export abstract class CheckpointSaver extends BaseCheckpointSaver {
  readonly #values: Values;
  /** @internal */
  protected readonly threadSettings: ThreadSettings;

  constructor({ serde, maxCheckpoints, onlyLatest, maxValueBytes }: SaverSettings) {
    super(serde);
    this.#values = new Values(this.serde, serde === undefined);
    this.threadSettings = { maxCheckpoints, onlyLatest, maxValueBytes, known: new KnownNodes() };
  }

  /** @internal Returns the thread that a config names, `undefined` when it names none. */
  protected abstract threadOf(config: RunnableConfig): Bound | undefined;

  /** @internal Returns the threads whose checkpoints are listed for a config. */
  protected abstract threadsOf(config: RunnableConfig): AsyncIterable<Bound> | Iterable<Bound>;

  /**
   * Returns the checkpoint that the config names, or else the latest of its namespace: the one that Redis received last.
   * One round trip.
   *
   * @throws CorruptCheckpointError when a part of it is missing or changed. No other state is returned instead.
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
   * Lists checkpoints, the latest to arrive first. One round trip for each 20 checkpoints; with a `filter`, one more for each
   * 200 that are looked at. `before` stands for its place in the thread, or, when it is not there, for its id.
   *
   * @throws what `getTuple` throws.
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
   * Stores a checkpoint, once and whole. Values of unchanged channels are taken from the parent, and of the others only what
   * the thread does not have yet is sent. One round trip, or two when the thread lost something since this saver saw it.
   *
   * @returns the config that names the checkpoint.
   * @throws ThreadDeletedError, ThreadChangedError: nothing was stored.
   * @throws InvalidOptionError for an id that is no well-formed string, or a value that is too large.
   * @throws StoreUnavailableError when Redis did not answer within `deadline`. Repeating the call is harmless.
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
    // A copy has the values of what it is a copy of, and no changes.
    const isCopy = metadata.source === "fork";
    const isNew = (channel: string): boolean => isCopy || Object.hasOwn(newVersions, channel);
    const versioned = (channel: string): ChannelVersion => ({
      channel: channelName(channel),
      version: JSON.stringify(checkpoint.channel_versions[channel] ?? null),
    });
    const store = async (stored: readonly string[], carried: readonly string[]): Promise<boolean> => {
      const encode = await this.#values.dump(
        stored.map((channel) => withContent(values[channel])),
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
    // The parent is gone, or has another version: then all values are sent.
    if (!(await store(names.filter(isNew), carried)) && !(await store(names, []))) {
      throw new CorruptCheckpointError(bound.thread.id);
    }
    return configOf(bound, namespace, checkpoint.id);
  }

  /**
   * Stores what a task wrote to a checkpoint, which may be stored later. Repeating the call changes nothing. One round trip.
   *
   * @throws what `put` throws, but no ThreadDeletedError and no ThreadChangedError.
   */
  async putWrites(config: RunnableConfig, writes: PendingWrite[], taskId: string, taskPath = ""): Promise<void> {
    const bound = this.#required(config);
    const id = getCheckpointId(config);
    if (id === "")
      throw new InvalidOptionError("configurable.checkpoint_id", "name the checkpoint that was written to.");
    if (writes.length === 0) return;
    const encode = await this.#values.dump(writes.map(([, value]) => withContent(value)));
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
   * Returns what was written to channels on the way to a checkpoint, back to the last ancestor where each has a value. One
   * round trip for each 100 ancestors.
   *
   * @throws what `getTuple` throws.
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
      // By id, most of a page may be newer, and not wanted.
      const page = await thread.list({ ...wanted.query, below, limit: wanted.byId ? PAGE : Math.min(PAGE, limit) });
      wanted.byId ??= !page.hasBefore;
      yield { entries: page.entries.filter(({ place }) => isWanted(wanted, place)), nodes: page.nodes };
      below = page.below;
    }
  }

  /** Looks at the metadata first, and then reads what matches. */
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
      // What JSON.parse throws quotes what it could not read.
      if (error instanceof DamagedNode || error instanceof SyntaxError) {
        throw new CorruptCheckpointError(thread.id, channel, error instanceof DamagedNode ? error.reason : undefined);
      }
      throw error;
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

/** Which checkpoints of a thread a call of `list` wants. */
interface Wanted {
  readonly query: { readonly namespace: string | undefined; readonly id: string; before: string };
  /**
   * Whether `before` is not in the thread. Then its id, which begins with a time, says what is older. `undefined` until the
   * first page has told.
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
 * Returns true for the state of an agent whose `sessionMiddleware` makes turns run one after another. LangGraph stores the
 * input of a run before the middleware makes that run wait, or refuses it. It must not keep the run that holds the
 * conversation from its thread.
 */
function holdsLease({ _session: record }: Readonly<Record<string, unknown>>): boolean {
  return typeof opened(record)?.["lease"] === "string";
}

function namespaceOf({ configurable }: RunnableConfig): string {
  const namespace: unknown = configurable?.["checkpoint_ns"] ?? "";
  if (typeof namespace !== "string") throw new InvalidOptionError("configurable.checkpoint_ns", "use a string.");
  return namespace;
}

/** Returns the place of the checkpoint in which the graph of a namespace runs as a node, `""` when there is none. */
function enclosingOf(namespace: string, { parents }: Partial<CheckpointMetadata>): string {
  // A node that runs a second graph has it in "<node>:<task>|1".
  const graph = namespace.replace(/(?:\|\d+)+$/, "");
  const end = graph.lastIndexOf("|");
  const outer = end < 0 ? "" : graph.slice(0, end);
  const id = namespace === "" || parents === undefined || !Object.hasOwn(parents, outer) ? undefined : parents[outer];
  return id === undefined ? "" : placeOf(outer, id);
}

/**
 * Returns the channels whose values are made of what was written to ancestors. LangGraph marks threads in which such a
 * channel has a version from its first write on: without one it is empty.
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

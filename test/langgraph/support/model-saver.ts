import type { RunnableConfig } from "@langchain/core/runnables";
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  compareWritesSortKeys,
  maxChannelVersion,
  type PendingWrite,
  TASKS,
  WRITES_IDX_MAP,
  writesSortKey,
} from "@langchain/langgraph-checkpoint";
import type { Saver, SaverOptions } from "./place.js";

/** One thing that the model does wrong when it is asked to: the control of a promise. */
export type Fault =
  | "`before` is ignored"
  | "`filter` is ignored"
  | "`limit` is ignored"
  | "`limit` 0 is no limit"
  | "the oldest comes first"
  | "the largest id is the latest"
  | "writes are lost"
  | "writes that come before their checkpoint are lost"
  | "writes are appended"
  | "writes come as they arrived"
  | "channels are not carried over"
  | "channels are carried over by version"
  | "channels are those of the parent, whatever their version"
  | "channels that did not change are stored"
  | "a repeated put is another checkpoint"
  | "deleteThread does nothing"
  | "deleteThread takes a prefix"
  | "ids of threads lose what is not ASCII"
  | "deleted threads come back"
  | "forks are allowed"
  | "bytes come as Buffer"
  | "messages are remembered by their objects"
  | "long lists lose their end"
  | "retention ignores namespaces"
  | "retention ignores ancestors"
  | "nothing is removed";

type Typed = readonly [type: string, bytes: Uint8Array];

interface Stored {
  readonly namespace: string;
  readonly id: string;
  /** The order of arrival. */
  readonly arrival: number;
  readonly parent: string | undefined;
  readonly checkpoint: Typed;
  readonly values: ReadonlyMap<string, Typed>;
  readonly metadata: CheckpointMetadata & { counters_since_delta_snapshot?: Record<string, unknown> };
  readonly versions: ChannelVersions;
}

interface StoredWrite {
  readonly taskPath: string;
  readonly taskId: string;
  readonly index: number;
  readonly channel: string;
  readonly value: Typed;
}

interface Thread {
  stored: Stored[];
  readonly writes: Map<string, StoredWrite[]>;
}

/** What several model savers share, as processes share a Redis. */
export class ModelStorage {
  readonly threads = new Map<string, Thread>();
  readonly deleted = new Set<string>();
  arrivals = 0;

  thread(id: string): Thread {
    const thread = this.threads.get(id) ?? { stored: [], writes: new Map() };
    this.threads.set(id, thread);
    return thread;
  }
}

const nameOf = (namespace: string, id: string): string => JSON.stringify([namespace, id]);

/** Keeps each promise that a saver of this library makes, in memory; with a fault, all but one. */
export class ModelSaver extends BaseCheckpointSaver implements Saver {
  readonly #storage: ModelStorage;
  readonly #options: SaverOptions;
  readonly #fault: Fault | undefined;
  readonly #remembered = new WeakMap<object, Typed>();

  constructor(storage: ModelStorage, options: SaverOptions = {}, fault?: Fault) {
    super(options.serde);
    this.#storage = storage;
    this.#options = options;
    this.#fault = fault;
  }

  override async getTuple({ configurable }: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const { thread_id: threadId, checkpoint_ns: namespace = "", checkpoint_id: id } = configurable ?? {};
    const thread = this.#storage.threads.get(this.#keyOf(threadId));
    const here = thread?.stored.filter((stored) => stored.namespace === namespace) ?? [];
    const found = id ? here.find((stored) => stored.id === id) : this.#newestFirst(here)[0];
    return thread && found && this.#tuple(threadId as string, thread, found);
  }

  override async *list(
    { configurable = {} }: RunnableConfig,
    { before, limit, filter }: CheckpointListOptions = {},
  ): AsyncGenerator<CheckpointTuple> {
    const { thread_id: threadId, checkpoint_ns: namespace, checkpoint_id: id } = configurable;
    const beforeId = before?.configurable?.["checkpoint_id"] as string | undefined;
    let left = limit === 0 && this.#fault === "`limit` 0 is no limit" ? Infinity : (limit ?? Infinity);
    if (this.#fault === "`limit` is ignored") left = Infinity;
    const threads = threadId === undefined ? [...this.#storage.threads.keys()] : [threadId as string];
    for (const name of threads.map((thread) => this.#keyOf(thread))) {
      const thread = this.#storage.threads.get(name) ?? { stored: [], writes: new Map() };
      const ordered = this.#newestFirst(thread.stored);
      if (this.#fault === "the oldest comes first") ordered.reverse();
      const position = thread.stored.find((stored) => stored.id === beforeId)?.arrival;
      for (const stored of ordered) {
        const { metadata } = stored;
        if (namespace !== undefined && stored.namespace !== namespace) continue;
        if (id !== undefined && stored.id !== id) continue;
        if (beforeId !== undefined && this.#fault !== "`before` is ignored") {
          if (position === undefined ? stored.id >= beforeId : stored.arrival >= position) continue;
        }
        const wanted = Object.entries(this.#fault === "`filter` is ignored" ? {} : (filter ?? {}));
        if (!wanted.every(([key, value]) => metadata[key as keyof typeof metadata] === value)) continue;
        if (left <= 0) return;
        left -= 1;
        yield await this.#tuple(name, thread, stored);
      }
    }
  }

  override async put(
    { configurable = {} }: RunnableConfig,
    { channel_values, ...checkpoint }: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions,
  ): Promise<RunnableConfig> {
    const { thread_id: threadId, checkpoint_ns: namespace = "", checkpoint_id: parent } = configurable;
    if (typeof threadId !== "string") throw new Error("thread_id is missing");
    // A copy of a checkpoint has no changes, and may have no parent: its values are its own.
    const parents = this.#fault === "channels are those of the parent, whatever their version";
    const isCopy = (metadata.source as string) === "fork" && !parents;
    const all = isCopy || this.#fault === "channels that did not change are stored" ? channel_values : newVersions;
    const changed = new Map<string, Typed>();
    for (const channel of Object.keys(all)) {
      if (Object.hasOwn(channel_values, channel)) changed.set(channel, await this.#dumped(channel_values[channel]));
    }
    const dumped = await this.#dumped(checkpoint);
    const carried = await this.#dumpedAll(channel_values);
    // From here on nothing waits: it is one script.
    const config = { configurable: { thread_id: threadId, checkpoint_ns: namespace, checkpoint_id: checkpoint.id } };
    const thread = this.#storage.thread(this.#keyOf(threadId));
    const here = thread.stored.filter((stored) => stored.namespace === namespace);
    const again = this.#fault === "a repeated put is another checkpoint";
    if (!again && here.some(({ id }) => id === checkpoint.id)) return config;
    this.#refuseDeleted(threadId, thread, [[namespace, parent], ...Object.entries(metadata.parents ?? {})]);
    if (this.#options.forks === "refuse" && this.#fault !== "forks are allowed") {
      const latest = here.at(-1)?.id;
      if (latest !== undefined && latest !== parent) throw coded("THREAD_CHANGED");
    }
    const from = here.find(({ id }) => id === parent);
    const values = new Map(changed);
    const byVersion = this.#fault === "channels are carried over by version";
    for (const [channel, version] of Object.entries(checkpoint.channel_versions)) {
      if (isCopy || (Object.hasOwn(newVersions, channel) && !byVersion)) continue;
      if (this.#fault === "channels are not carried over") continue;
      const older = byVersion ? here.find(({ versions }) => versions[channel] === version) : from;
      // A copy of a checkpoint is built on the parent of that one, which may have older versions.
      const same =
        older?.versions[channel] === version ||
        this.#fault === "channels are those of the parent, whatever their version";
      const value = same ? older?.values.get(channel) : parent === undefined ? undefined : carried.get(channel);
      if (value !== undefined) values.set(channel, value);
    }
    thread.stored.push({
      namespace: namespace as string,
      id: checkpoint.id,
      arrival: this.#storage.arrivals++,
      parent: parent as string | undefined,
      checkpoint: dumped,
      values,
      metadata: structuredClone(metadata),
      versions: { ...checkpoint.channel_versions },
    });
    const { maxCheckpoints = "all" } = this.#options;
    if (maxCheckpoints !== "all") this.#keep(thread, maxCheckpoints);
    return config;
  }

  override async putWrites(
    { configurable = {} }: RunnableConfig,
    writes: PendingWrite[],
    taskId: string,
    taskPath = "",
  ): Promise<void> {
    const { thread_id: threadId, checkpoint_ns: namespace = "", checkpoint_id: id } = configurable;
    if (typeof threadId !== "string" || typeof id !== "string")
      throw new Error("thread_id or checkpoint_id is missing");
    if (this.#fault === "writes are lost") return;
    const made: StoredWrite[] = [];
    for (const [position, [channel, value]] of writes.entries()) {
      const index = WRITES_IDX_MAP[channel] ?? position;
      made.push({ taskPath, taskId, index, channel, value: await this.#dumped(value) });
    }
    const thread = this.#storage.thread(this.#keyOf(threadId));
    const early = !thread.stored.some((stored) => stored.namespace === namespace && stored.id === id);
    if (early && this.#fault === "writes that come before their checkpoint are lost") return;
    const kept = thread.writes.get(nameOf(namespace as string, id)) ?? [];
    thread.writes.set(nameOf(namespace as string, id), kept);
    for (const write of made) {
      const there = kept.findIndex((one) => one.taskId === taskId && one.index === write.index);
      if (there === -1 || this.#fault === "writes are appended") kept.push(write);
      else if (write.index < 0) kept[there] = write;
    }
  }

  override async deleteThread(threadId: string): Promise<void> {
    if (this.#fault === "deleteThread does nothing") return;
    const prefix = this.#fault === "deleteThread takes a prefix";
    for (const id of this.#storage.threads.keys()) {
      if (id === this.#keyOf(threadId) || (prefix && id.startsWith(`${threadId}:`))) this.#storage.threads.delete(id);
    }
    this.#storage.deleted.add(threadId);
  }

  async prune(threadId: string, { keep }: { readonly keep: number }): Promise<void> {
    this.#keep(this.#storage.thread(this.#keyOf(threadId)), keep);
  }

  #keyOf(threadId: unknown): string {
    const id = String(threadId);
    return this.#fault === "ids of threads lose what is not ASCII" ? id.replaceAll(/[^ -~]/gu, "") : id;
  }

  /** Removes the oldest checkpoints beyond `keep`, but for those that another one needs. */
  #keep(thread: Thread, keep: number): void {
    if (this.#fault === "nothing is removed") return;
    const newest = thread.stored.toReversed();
    const kept = new Set(newest.slice(0, keep));
    if (this.#fault !== "retention ignores namespaces") {
      const latest = newest.filter(
        ({ namespace }, index) => newest.findIndex((stored) => stored.namespace === namespace) === index,
      );
      const has = ([namespace, id]: readonly [string, string]): boolean =>
        [...kept].some((stored) => stored.namespace === namespace && stored.id === id);
      // Outer namespaces first: a subgraph's subgraph is needed when the subgraph is.
      for (const stored of latest.toSorted((one, other) => one.namespace.length - other.namespace.length)) {
        const isTask = /:[^:|]+$/u.test(stored.namespace);
        if (!isTask || Object.entries(stored.metadata.parents ?? {}).some(has)) kept.add(stored);
      }
    }
    for (const stored of this.#fault === "retention ignores ancestors" ? [] : [...kept]) {
      let missing = Object.keys(stored.metadata.counters_since_delta_snapshot ?? {});
      for (let one: Stored | undefined = stored; one !== undefined; one = this.#parentOf(thread, one)) {
        const { values } = one;
        kept.add(one);
        missing = missing.filter((channel) => !values.has(channel));
        if (missing.length === 0) break;
      }
    }
    for (const { namespace, id } of thread.stored.filter((stored) => !kept.has(stored))) {
      thread.writes.delete(nameOf(namespace, id));
    }
    thread.stored = thread.stored.filter((stored) => kept.has(stored));
  }

  #parentOf(thread: Thread, { namespace, parent }: Stored): Stored | undefined {
    return thread.stored.find((stored) => stored.namespace === namespace && stored.id === parent);
  }

  #refuseDeleted(threadId: string, thread: Thread, needed: readonly (readonly [string, unknown])[]): void {
    if (!this.#storage.deleted.has(threadId) || this.#fault === "deleted threads come back") return;
    for (const [namespace, id] of needed) {
      if (!id || thread.stored.some((stored) => stored.namespace === namespace && stored.id === id)) continue;
      throw coded("THREAD_DELETED");
    }
  }

  #newestFirst(stored: readonly Stored[]): Stored[] {
    if (this.#fault === "the largest id is the latest") {
      return stored.toSorted((one, other) => (one.id < other.id ? 1 : -1));
    }
    return stored.toReversed();
  }

  async #tuple(threadId: string, thread: Thread, stored: Stored): Promise<CheckpointTuple> {
    const checkpoint = (await this.#loaded(stored.checkpoint)) as Checkpoint;
    const values: [string, unknown][] = [];
    for (const [channel, value] of stored.values) values.push([channel, await this.#loaded(value)]);
    checkpoint.channel_values = Object.fromEntries(values);
    const config = (id: string): RunnableConfig => ({
      configurable: { thread_id: threadId, checkpoint_ns: stored.namespace, checkpoint_id: id },
    });
    if (checkpoint.v < 4 && stored.parent !== undefined) {
      const sends = await this.#writesOf(thread, stored.namespace, stored.parent);
      checkpoint.channel_values[TASKS] = sends.filter(([, channel]) => channel === TASKS).map(([, , value]) => value);
      const versions = Object.values(checkpoint.channel_versions);
      checkpoint.channel_versions[TASKS] = versions.length > 0 ? maxChannelVersion(...versions) : 1;
    }
    return {
      config: config(stored.id),
      checkpoint,
      metadata: structuredClone(stored.metadata),
      pendingWrites: await this.#writesOf(thread, stored.namespace, stored.id),
      ...(stored.parent !== undefined && { parentConfig: config(stored.parent) }),
    };
  }

  async #writesOf(thread: Thread, namespace: string, id: string): Promise<[string, string, unknown][]> {
    const writes = thread.writes.get(nameOf(namespace, id)) ?? [];
    const key = ({ taskPath, taskId, index }: StoredWrite) => writesSortKey(taskPath, taskId, index);
    const ordered = writes.toSorted((one, other) => compareWritesSortKeys(key(one), key(other)));
    const shown = this.#fault === "writes come as they arrived" ? writes : ordered;
    return Promise.all(
      shown.map(async ({ taskId, channel, value }): Promise<[string, string, unknown]> => [
        taskId,
        channel,
        await this.#loaded(value),
      ]),
    );
  }

  async #dumped(given: unknown): Promise<Typed> {
    const value = Array.isArray(given) && this.#fault === "long lists lose their end" ? given.slice(0, 200) : given;
    const first: unknown = Array.isArray(value) ? value[0] : undefined;
    const known = isObject(first) ? this.#remembered.get(first) : undefined;
    if (known !== undefined && this.#fault === "messages are remembered by their objects") return known;
    const [type, bytes] = await this.serde.dumpsTyped(value);
    const dumped: Typed = [type, new Uint8Array(bytes)];
    if (isObject(first)) this.#remembered.set(first, dumped);
    return dumped;
  }

  async #dumpedAll(values: Readonly<Record<string, unknown>>): Promise<Map<string, Typed>> {
    const dumped = new Map<string, Typed>();
    for (const [channel, value] of Object.entries(values)) dumped.set(channel, await this.#dumped(value));
    return dumped;
  }

  async #loaded([type, bytes]: Typed): Promise<unknown> {
    const given = this.#fault === "bytes come as Buffer" ? Buffer.from(bytes) : new Uint8Array(bytes);
    return this.serde.loadsTyped(type, given) as Promise<unknown>;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function coded(code: string): Error {
  return Object.assign(new Error(code), { code });
}

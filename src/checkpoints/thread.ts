import { InvalidOptionError } from "../errors.js";
import { threadKeys, type ThreadKeys } from "../redis/keys.js";
import { type Ancestor, ancestorsScript } from "../redis/scripts/thread/ancestors.js";
import { beginThreadScript } from "../redis/scripts/thread/begin.js";
import { type CheckpointEntry, checkpointEntry } from "../redis/scripts/thread/entries.js";
import { listCheckpointsScript } from "../redis/scripts/thread/list.js";
import { pruneThreadScript } from "../redis/scripts/thread/prune.js";
import { putCheckpointScript } from "../redis/scripts/thread/put.js";
import { putWritesScript } from "../redis/scripts/thread/put-writes.js";
import { readCheckpointsScript } from "../redis/scripts/thread/read.js";
import { removeThreadScript } from "../redis/scripts/thread/remove.js";
import { renewThreadScript } from "../redis/scripts/thread/renew.js";
import { textList } from "../redis/replies.js";
import { type Connection, run } from "../redis/send.js";
import type { KnownNodes } from "./known-nodes.js";
import { type NewNodes, type Reference, StoredNodes } from "./nodes.js";
import type { RedisSaverSettings } from "./options.js";
import { escaped } from "./place.js";

/** Node cannot build a longer command than about 512 MB. A put of this size already keeps Redis busy for a while. */
const MAX_PUT_BYTES = 134_217_728;
/** How many ancestors one script looks at. */
const MAX_ANCESTORS = 100;

/** How a saver treats its threads. */
export interface ThreadSettings {
  /** 0 for all. */
  readonly maxCheckpoints: number;
  readonly onlyLatest: boolean;
  readonly maxValueBytes: number;
  readonly known: KnownNodes;
}

/** The session on whose behalf a thread is used. The scripts check first that it is live. */
export interface ThreadHolder {
  readonly keys: {
    readonly record: string;
    readonly sessions: string;
    readonly conversation: string;
    readonly messages: string;
    readonly threads: string;
    readonly lease: string;
  };
  readonly operation: (operationId: string) => string;
  readonly sessionId: string;
  readonly conversationId: string;
}

/** Where a thread is, and on whose behalf it is used. */
export interface ThreadPlace {
  /** The `thread_id`. */
  readonly id: string;
  readonly connection: Connection;
  readonly keys: ThreadKeys;
  /** 0 for never. */
  readonly ttlMilliseconds: number;
  readonly refreshOnRead: boolean;
  /** Absent when the thread belongs to no session. */
  readonly holder: ThreadHolder | undefined;
}

/** A checkpoint to store. Values are references to nodes. */
export interface NewCheckpoint {
  readonly place: string;
  /** The place of the parent, `""` for none. */
  readonly parent: string;
  /** The place of the checkpoint in which its graph runs as a node, `""` for none. */
  readonly enclosing: string;
  /** Whether its run holds the conversation, so that no other run has to be kept from the thread. */
  readonly holdsLease: boolean;
  readonly old: boolean;
  readonly rest: string;
  readonly metadata: string;
  readonly delta: readonly string[];
  /** Channel, version, reference, … */
  readonly references: readonly string[];
  /** Channel, version, … of values that are the parent's. */
  readonly carried: readonly string[];
  readonly nodes: NewNodes;
}

export interface NewWrites {
  readonly place: string;
  readonly task: string;
  readonly path: string;
  /** Index, channel, reference, … */
  readonly writes: readonly string[];
  readonly nodes: NewNodes;
}

/** The turn whose run begins. */
export interface BeginningRun {
  readonly operationId?: string | undefined;
  /** The position of the first message that it replaces. */
  readonly replaces?: string | undefined;
}

export interface StoredCheckpoints {
  readonly entries: readonly CheckpointEntry[];
  readonly nodes: StoredNodes;
}

/** A page of a thread's checkpoints, the latest to arrive first. */
export interface CheckpointPage<Entry> {
  /** For the next page, `""` when there is none. */
  readonly below: string;
  /** Whether the checkpoint in front of which the page begins is in the thread. */
  readonly hasBefore: boolean;
  readonly entries: readonly Entry[];
  readonly nodes: StoredNodes;
}

export interface ListQuery {
  /** Absent for those of all namespaces. */
  readonly namespace: string | undefined;
  readonly id: string;
  readonly before: string;
  readonly below: string;
  readonly limit: number;
}

export type { Ancestor, CheckpointEntry };

/** Returns the place of a thread on its own, under an id that the caller chose. */
export function standaloneThread(settings: RedisSaverSettings, id: string): ThreadPlace {
  const { client, deadlineMilliseconds, wait, keyPrefix, ttlMilliseconds, refreshOnRead } = settings;
  return {
    id,
    connection: { client, deadlineMilliseconds, wait },
    keys: threadKeys(keyPrefix, id),
    ttlMilliseconds,
    refreshOnRead,
    holder: undefined,
  };
}

/** The checkpoints of one thread in Redis. Each call is one script, and harmless to repeat. */
export class Thread {
  readonly #place: ThreadPlace;
  readonly #settings: ThreadSettings;

  constructor(place: ThreadPlace, settings: ThreadSettings) {
    this.#place = place;
    this.#settings = settings;
  }

  /** The `thread_id`. */
  get id(): string {
    return this.#place.id;
  }

  /** @returns false when values that were left out are not there. Then nothing was stored. */
  async put({ nodes, holdsLease, ...checkpoint }: NewCheckpoint): Promise<boolean> {
    const { maxCheckpoints: keep } = this.#settings;
    const onlyLatest = this.#settings.onlyLatest && !holdsLease;
    return this.#store(nodes, [checkpoint.rest, checkpoint.metadata], (fresh) =>
      run(this.#place.connection, putCheckpointScript, {
        subject: this.id,
        trace: { key: this.#place.keys.checkpoints, field: `c${checkpoint.place}` },
        keys: this.#holdingKeys,
        arguments: { ...checkpoint, ...this.#holding, keep, onlyLatest, fresh },
      }),
    );
  }

  async putWrites({ nodes, ...writes }: NewWrites): Promise<void> {
    await this.#store(nodes, [], (fresh) =>
      run(this.#place.connection, putWritesScript, {
        subject: this.id,
        trace: { key: this.#place.keys.checkpoints, field: `w${writes.place}\n${writes.task}` },
        keys: this.#holdingKeys,
        arguments: { ...writes, ...this.#holding, fresh },
      }),
    );
  }

  /** @param places without one, the latest of the namespace is read. */
  async read(namespace: string, places: readonly string[]): Promise<StoredCheckpoints> {
    const call = {
      subject: this.id,
      keys: this.#askingKeys,
      arguments: { ...this.#asking, namespace: escaped("checkpoint_ns", namespace), places },
    };
    const [{ entries, nodes }] = await Promise.all([
      run(this.#place.connection, readCheckpointsScript, call),
      this.#renewed(),
    ]);
    return { entries, nodes: this.#stored(nodes) };
  }

  /**
   * Reads the latest checkpoint of a graph that is given an input, for a turn that may begin the thread anew. A turn that
   * will be refused is refused here: its input would take the place of what waits in the thread.
   *
   * @throws OperationConflictError when the turn is stored.
   * @throws PositionNotFoundError, InvalidOptionError for what it is to replace.
   */
  async begin({ operationId, replaces = "" }: BeginningRun): Promise<StoredCheckpoints> {
    const { holder, keys } = this.#place;
    if (holder === undefined) return this.read("", []);
    const { entries, nodes } = await run(this.#place.connection, beginThreadScript, {
      subject: this.id,
      operationId,
      keys: {
        ...keys,
        ...holder.keys,
        turnOperation: operationId === undefined ? undefined : holder.operation(operationId),
      },
      arguments: {
        sessionId: holder.sessionId,
        conversationId: holder.conversationId,
        turn: operationId ?? "",
        replaces,
      },
    });
    return { entries, nodes: this.#stored(nodes) };
  }

  async list(query: ListQuery): Promise<CheckpointPage<CheckpointEntry>> {
    const page = await this.#list(query, "whole");
    return { ...page, entries: page.entries.map(checkpointEntry) };
  }

  /** Does the same without values. */
  async listMetadata(
    query: ListQuery,
  ): Promise<CheckpointPage<{ readonly place: string; readonly metadata: Reference }>> {
    const page = await this.#list(query, "metadata");
    return { ...page, entries: page.entries.map(metadataEntry) };
  }

  async #list(
    { namespace, id, before, below, limit }: ListQuery,
    part: "whole" | "metadata",
  ): Promise<CheckpointPage<unknown>> {
    const call = {
      subject: this.id,
      keys: this.#askingKeys,
      arguments: {
        ...this.#asking,
        namespace: escaped("checkpoint_ns", namespace ?? ""),
        anyNamespace: namespace === undefined,
        id: escaped("checkpoint_id", id),
        before,
        below,
        limit,
        part,
      },
    };
    const [page] = await Promise.all([
      run(this.#place.connection, listCheckpointsScript, call),
      below === "+inf" ? this.#renewed() : undefined,
    ]);
    return { ...page, nodes: this.#stored(page.nodes) };
  }

  /** Walks from a checkpoint to its ancestors, the nearest first, until each channel has a value. */
  async *ancestors(
    namespace: string,
    place: string,
    channels: readonly string[],
  ): AsyncGenerator<{ readonly ancestor: Ancestor; readonly nodes: StoredNodes }> {
    let [from, wanted] = [place, channels];
    do {
      const { last, ancestors, nodes } = await run(this.#place.connection, ancestorsScript, {
        subject: this.id,
        keys: this.#askingKeys,
        arguments: {
          ...this.#asking,
          namespace: escaped("checkpoint_ns", namespace),
          place: from,
          most: MAX_ANCESTORS,
          channels: wanted,
        },
      });
      const stored = this.#stored(nodes);
      for (const ancestor of ancestors) {
        yield { ancestor, nodes: stored };
        const found = new Set(ancestor.values.filter((_, index) => index % 2 === 0));
        wanted = wanted.filter((channel) => !found.has(channel));
      }
      from = last;
    } while (from !== "");
  }

  /** Removes the oldest checkpoints beyond `keep`, in bounded steps, and returns how many. */
  async prune(keep: number): Promise<number> {
    for (let sum = 0; ;) {
      const { removed } = await run(this.#place.connection, pruneThreadScript, {
        subject: this.id,
        keys: this.#askingKeys,
        arguments: { ...this.#asking, keep },
      });
      if (removed === 0) return sum;
      sum += removed;
    }
  }

  async remove(): Promise<void> {
    const { holder } = this.#place;
    await run(this.#place.connection, removeThreadScript, {
      subject: this.id,
      keys: { ...this.#askingKeys, deleted: this.#place.keys.deleted, threads: holder?.keys.threads },
      arguments: { ...this.#asking, conversationId: holder?.conversationId ?? "" },
    });
  }

  /** Sends the nodes that Redis is not known to have, and then, when one is missing, all of them. */
  async #store(
    { all }: NewNodes,
    apart: readonly string[],
    send: (fresh: readonly string[]) => Promise<{ readonly outcome: "stored" | "incomplete" }>,
  ): Promise<boolean> {
    const { known } = this.#settings;
    const thread = this.#place.keys.nodes;
    const fresh: string[] = [];
    for (const [name, content] of all) if (!known.has(thread, name)) fresh.push(name, content);
    this.#checkSize([...fresh, ...apart]);
    let { outcome } = await send(fresh);
    if (outcome === "incomplete" && fresh.length < all.size * 2) {
      const every = [...all].flat();
      this.#checkSize([...every, ...apart]);
      ({ outcome } = await send(every));
      known.forget(thread);
      known.add(thread, all.keys());
    }
    if (outcome === "stored")
      known.add(
        thread,
        fresh.filter((_, index) => index % 2 === 0),
      );
    else known.forget(thread);
    return outcome === "stored";
  }

  #checkSize(contents: readonly string[]): void {
    const { maxValueBytes } = this.#settings;
    let sum = 0;
    for (const content of contents) {
      // A character takes three bytes at most.
      const bytes = content.length * 3 <= maxValueBytes ? content.length : Buffer.byteLength(content);
      if (bytes > maxValueBytes) {
        throw new InvalidOptionError(
          "checkpoint",
          `a part of a value takes ${bytes} bytes, and maxValueBytes is ${maxValueBytes}. Keep large content elsewhere, or raise it.`,
        );
      }
      sum += bytes;
    }
    if (sum > MAX_PUT_BYTES) {
      throw new InvalidOptionError("checkpoint", `its values take ${sum} bytes; use at most 128 MiB.`);
    }
  }

  #stored(flat: readonly string[]): StoredNodes {
    const nodes = new StoredNodes(flat);
    this.#settings.known.add(this.#place.keys.nodes, nodes.names);
    return nodes;
  }

  async #renewed(): Promise<void> {
    const { refreshOnRead, connection, keys, ttlMilliseconds: ttl } = this.#place;
    if (refreshOnRead) await run(connection, renewThreadScript, { keys, arguments: { ttl } });
  }

  get #askingKeys(): Omit<ThreadKeys, "deleted"> & Partial<ThreadHolder["keys"]> {
    const { keys, holder } = this.#place;
    return { ...keys, ...holder?.keys };
  }

  get #holdingKeys(): ThreadKeys & Partial<ThreadHolder["keys"]> {
    const { keys, holder } = this.#place;
    return { ...keys, ...holder?.keys };
  }

  get #asking(): { sessionId: string } {
    return { sessionId: this.#place.holder?.sessionId ?? "" };
  }

  get #holding(): { sessionId: string; conversationId: string; ttl: number } {
    const { holder, ttlMilliseconds } = this.#place;
    return {
      sessionId: holder?.sessionId ?? "",
      conversationId: holder?.conversationId ?? "",
      ttl: ttlMilliseconds,
    };
  }
}

function metadataEntry(reply: unknown): { readonly place: string; readonly metadata: Reference } {
  const [place = "", metadata = ""] = textList(reply);
  return { place, metadata };
}

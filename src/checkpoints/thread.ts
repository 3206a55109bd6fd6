import { connectionOf, forgetDestroyed, keptElsewhere } from "../encryption/vault.js";
import { Budget } from "../redis/budget.js";
import { threadKeys, type ThreadKeys, type WithDataKey } from "../redis/keys.js";
import { type Ancestor, ancestorsScript } from "../redis/scripts/thread/ancestors.js";
import { beginThreadScript } from "../redis/scripts/thread/begin.js";
import type { CheckpointEntry, MetadataEntry } from "../redis/scripts/thread/entries.js";
import { listCheckpointsScript } from "../redis/scripts/thread/list.js";
import { pruneThreadScript } from "../redis/scripts/thread/prune.js";
import { putCheckpointScript } from "../redis/scripts/thread/put.js";
import { putWritesScript } from "../redis/scripts/thread/put-writes.js";
import { readCheckpointsScript } from "../redis/scripts/thread/read.js";
import { removeThreadScript } from "../redis/scripts/thread/remove.js";
import { renewThreadScript } from "../redis/scripts/thread/renew.js";
import type { Stored } from "../redis/sealing.js";
import { type Connection, run } from "../redis/send.js";
import { ofCheckpoint, ofMetadata, ofValue, ofWrite } from "./belonging.js";
import type { KnownNodes } from "./known-nodes.js";
import type { StoredNodes } from "./nodes.js";
import type { RedisSaverSettings } from "./options.js";
import { type Part, sealed, sealedReference } from "./parts.js";
import { escaped } from "./place.js";
import { openNodes, partOfMetadata, partsOfAncestor, partsOfEntry } from "./reading.js";
import { NodeSending } from "./sending.js";
import type { Encode } from "./values.js";

/** The largest number of ancestors that one script looks at. */
const MAX_ANCESTORS = 100;

/** The settings that a saver applies to its threads. */
export interface ThreadSettings {
  /** 0 for all. */
  readonly maxCheckpoints: number;
  readonly onlyLatest: boolean;
  readonly maxValueBytes: number;
  readonly known: KnownNodes;
}

/** The session on whose behalf a thread is used. Each script first checks that the session is live. */
export interface ThreadHolder {
  readonly keys: {
    readonly record: string;
    readonly sessions: string;
    readonly conversation: string;
    readonly messages: string;
    readonly threads: string;
    readonly conversations: string;
    readonly lease: string;
  };
  readonly operation: (operationId: string) => string;
  readonly sessionId: string;
  readonly conversationId: string;
}

/** Where a thread is stored, and on whose behalf it is used. */
export interface ThreadPlace {
  /** The `thread_id`. */
  readonly id: string;
  readonly connection: Connection;
  readonly keys: ThreadKeys & WithDataKey;
  /** 0 for never. */
  readonly ttlMilliseconds: number;
  readonly refreshOnRead: boolean;
  /** Absent if the thread belongs to no session. */
  readonly holder: ThreadHolder | undefined;
}

/** A channel of a checkpoint, and its version. */
export interface ChannelVersion {
  readonly channel: string;
  readonly version: string;
}

/** A checkpoint to store. */
export interface NewCheckpoint {
  readonly place: string;
  /** The place of the parent, or `""` if there is none. */
  readonly parent: string;
  /** The place of the checkpoint in which this graph runs as a node, or `""` if there is none. */
  readonly enclosing: string;
  /** Whether the checkpoint's run holds the conversation. Then the thread needs no protection from other runs. */
  readonly holdsLease: boolean;
  readonly old: boolean;
  readonly delta: readonly string[];
  /** The values of `stored`; kept apart: the checkpoint without values, and its metadata. */
  readonly encode: Encode;
  readonly stored: readonly ChannelVersion[];
  /** The channels that have the parent's values. */
  readonly carried: readonly ChannelVersion[];
}

export interface NewWrites {
  readonly place: string;
  readonly task: string;
  readonly path: string;
  readonly writes: readonly { readonly index: string; readonly channel: string }[];
  /** The written values, in the order of `writes`. */
  readonly encode: Encode;
}

/** The turn whose run begins. */
export interface BeginningRun {
  readonly operationId?: string | undefined;
  /** The position of the first message that the turn replaces. */
  readonly replaces?: string | undefined;
}

export interface StoredCheckpoints {
  readonly entries: readonly CheckpointEntry[];
  readonly nodes: StoredNodes;
}

/** A page of a thread's checkpoints, the one that Redis received last first. */
export interface CheckpointPage<Entry> {
  /** The `below` of the next page, or `""` if there is none. */
  readonly below: string;
  /** Whether the thread holds the checkpoint in front of which the page begins. */
  readonly hasBefore: boolean;
  readonly entries: readonly Entry[];
  readonly nodes: StoredNodes;
}

type FoundPage = ReturnType<typeof listCheckpointsScript.answerOf>;

export interface ListQuery {
  /** `undefined` lists the checkpoints of all namespaces. */
  readonly namespace: string | undefined;
  readonly id: string;
  readonly before: string;
  readonly below: string;
  readonly limit: number;
}

export type { Ancestor, CheckpointEntry };

/** Returns the place of a thread that belongs to no session, under an id that the caller chose. */
export function standaloneThread(settings: RedisSaverSettings, id: string): ThreadPlace {
  const { client, deadlineMilliseconds, wait, keyPrefix, ttlMilliseconds, refreshOnRead, encryption, compress } =
    settings;
  const keys = threadKeys(keyPrefix, id);
  const connection = { client, deadlineMilliseconds, wait, encryption, compress };
  return {
    id,
    connection: connectionOf(connection, { owner: `thread:${id}`, dataKey: keys.dataKey, ttlMilliseconds }),
    keys,
    ttlMilliseconds,
    refreshOnRead,
    holder: undefined,
  };
}

/** The checkpoints of one thread in Redis. Each method runs one script and is safe to repeat. */
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

  /**
   * Stores a checkpoint.
   *
   * @returns false if Redis lacks values that were not sent. Then nothing was stored.
   */
  put({ encode, stored, carried, holdsLease, ...checkpoint }: NewCheckpoint): Promise<boolean> {
    const { maxCheckpoints: keep } = this.#settings;
    const onlyLatest = this.#settings.onlyLatest && !holdsLease;
    const { connection, keys, ttlMilliseconds } = this.#place;
    const about = ofCheckpoint(this.id, checkpoint, [...stored, ...carried]);
    const sending = this.#sending(encode);
    return sending.store(() =>
      run(connection, putCheckpointScript, {
        subject: this.id,
        trace: { key: keys.checkpoints, field: `c${checkpoint.place}` },
        keys: this.#holdingKeys,
        sealedFor: ttlMilliseconds,
        arguments: (sealer) => {
          const { encoded, fresh } = sending.prepare(sealer);
          const [rest = "", metadata = ""] = encoded.apart;
          return {
            ...checkpoint,
            ...this.#holding,
            keep,
            onlyLatest,
            rest: sealed(sealer, rest, about),
            metadata: sealed(sealer, metadata, ofMetadata(this.id, checkpoint.place)),
            references: stored.flatMap((one, index) => [
              one.channel,
              one.version,
              sealedReference(sealer, encoded.references[index] ?? "", ofValue(this.id, one)),
            ]),
            carried: carried.flatMap(({ channel, version }) => [channel, version]),
            fresh,
          };
        },
      }),
    );
  }

  async putWrites({ encode, writes, ...to }: NewWrites): Promise<void> {
    const { connection, keys, ttlMilliseconds } = this.#place;
    const sending = this.#sending(encode);
    await sending.store(() =>
      run(connection, putWritesScript, {
        subject: this.id,
        trace: { key: keys.checkpoints, field: `w${to.place}\n${to.task}` },
        keys: this.#holdingKeys,
        sealedFor: ttlMilliseconds,
        arguments: (sealer) => {
          const { encoded, fresh } = sending.prepare(sealer);
          return {
            ...to,
            ...this.#holding,
            writes: writes.flatMap((one, index) => [
              one.index,
              one.channel,
              sealedReference(sealer, encoded.references[index] ?? "", ofWrite(this.id, to, one)),
            ]),
            fresh,
          };
        },
      }),
    );
  }

  /**
   * Reads checkpoints.
   *
   * @param places the places of the checkpoints. If it is empty, the latest checkpoint of the namespace is read.
   */
  async read(namespace: string, places: readonly string[]): Promise<StoredCheckpoints> {
    const call = {
      subject: this.id,
      keys: this.#askingKeys,
      arguments: { ...this.#asking, namespace: escaped("checkpoint_ns", namespace), places },
    };
    const budget = this.#budget;
    const [{ entries, nodes }] = await Promise.all([
      run(budget.connection(), readCheckpointsScript, call),
      this.#renewed(),
    ]);
    return { entries, nodes: await this.#openedEntries(budget, nodes, entries) };
  }

  /**
   * Reads the latest checkpoint of a graph that is about to receive an input, for a turn that may begin the thread
   * anew. If the turn must not run, it is refused here, because its input would replace what waits in the thread.
   *
   * @throws OperationConflictError when the turn is already stored.
   * @throws PositionNotFoundError, InvalidOptionError when the turn cannot replace the message that `replaces` names.
   */
  async begin({ operationId, replaces = "" }: BeginningRun): Promise<StoredCheckpoints> {
    const { holder, keys } = this.#place;
    if (holder === undefined) return this.read("", []);
    const budget = this.#budget;
    const { entries, nodes } = await run(budget.connection(), beginThreadScript, {
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
    return { entries, nodes: await this.#openedEntries(budget, nodes, entries) };
  }

  async list(query: ListQuery): Promise<CheckpointPage<CheckpointEntry>> {
    const { budget, page } = await this.#list(query, "whole");
    return { ...page, entries: page.whole, nodes: await this.#openedEntries(budget, page.nodes, page.whole) };
  }

  /** Returns a page of checkpoints without their values. */
  async listMetadata(query: ListQuery): Promise<CheckpointPage<MetadataEntry>> {
    const { budget, page } = await this.#list(query, "metadata");
    const parts = (): readonly Part[] => page.metadata.map((entry) => partOfMetadata(this.id, entry));
    return { ...page, entries: page.metadata, nodes: await this.#opened(budget, page.nodes, parts) };
  }

  /**
   * Returns a page of the checkpoints of all namespaces. Includes the writes to checkpoints that are not stored; their
   * entries have no `rest`.
   */
  async listHeld({ below, limit }: Pick<ListQuery, "below" | "limit">): Promise<CheckpointPage<CheckpointEntry>> {
    const query = { namespace: undefined, id: "", before: "", below, limit };
    const { budget, page } = await this.#list(query, "held");
    return { ...page, entries: page.whole, nodes: await this.#openedEntries(budget, page.nodes, page.whole) };
  }

  async #list(
    { namespace, id, before, below, limit }: ListQuery,
    part: "whole" | "metadata" | "held",
  ): Promise<{ readonly budget: Budget; readonly page: FoundPage }> {
    const budget = this.#budget;
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
      run(budget.connection(), listCheckpointsScript, call),
      below === "+inf" ? this.#renewed() : undefined,
    ]);
    return { budget, page };
  }

  /** Yields a checkpoint's ancestors, the nearest first, until each channel has a value. */
  async *ancestors(
    namespace: string,
    place: string,
    channels: readonly string[],
  ): AsyncGenerator<{ readonly ancestor: Ancestor; readonly nodes: StoredNodes }> {
    let [from, wanted] = [place, channels];
    do {
      const budget = this.#budget;
      const { last, ancestors, nodes } = await run(budget.connection(), ancestorsScript, {
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
      const stored = await this.#opened(budget, nodes, () => ancestors.flatMap((one) => partsOfAncestor(this.id, one)));
      for (const ancestor of ancestors) {
        yield { ancestor, nodes: stored };
        const found = new Set(ancestor.values.map(({ channel }) => channel));
        wanted = wanted.filter((channel) => !found.has(channel));
      }
      from = last;
    } while (from !== "");
  }

  /** Removes the oldest checkpoints beyond `keep`, in bounded steps. Returns the number of removed checkpoints. */
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
    const { holder, connection, keys } = this.#place;
    const isOwn = holder === undefined;
    const budget = new Budget(connection);
    const elsewhere = isOwn ? await keptElsewhere(budget.connection()) : "";
    const { destroyed } = await run(budget.connection(), removeThreadScript, {
      subject: this.id,
      keys: { ...this.#holdingKeys, ownKey: keys.dataKey, threads: holder?.keys.threads },
      arguments: {
        ...this.#asking,
        conversationId: holder?.conversationId ?? "",
        elsewhere,
      },
    });
    if (isOwn) await forgetDestroyed(budget.connection(), destroyed);
  }

  #sending(encode: Encode): NodeSending {
    const { known, maxValueBytes } = this.#settings;
    return new NodeSending({ id: this.id, key: this.#place.keys.nodes, known, maxValueBytes }, encode);
  }

  #openedEntries(budget: Budget, nodes: readonly Stored[], entries: readonly CheckpointEntry[]): Promise<StoredNodes> {
    return this.#opened(budget, nodes, () => entries.flatMap((entry) => partsOfEntry(this.id, entry)));
  }

  /** @param parts lists the parts that were read beside the nodes. */
  async #opened(budget: Budget, nodes: readonly Stored[], parts: () => readonly Part[]): Promise<StoredNodes> {
    const { known, maxValueBytes } = this.#settings;
    const stored = await openNodes(budget.connection(), this.id, maxValueBytes, { nodes, parts });
    known.add(this.#place.keys.nodes, stored.names);
    return stored;
  }

  async #renewed(): Promise<void> {
    const { refreshOnRead, connection, keys, ttlMilliseconds: ttl } = this.#place;
    if (!refreshOnRead) return;
    await run(connection, renewThreadScript, { keys, sealedFor: ttl, arguments: { ttl } });
  }

  get #budget(): Budget {
    return new Budget(this.#place.connection);
  }

  get #askingKeys(): ThreadKeys & Partial<ThreadHolder["keys"]> {
    const { keys, holder } = this.#place;
    return { ...keys, ...holder?.keys };
  }

  get #holdingKeys(): ThreadKeys & WithDataKey & Partial<ThreadHolder["keys"]> {
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

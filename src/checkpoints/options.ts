import * as z from "../options/schema.js";
import { type Duration, durationSchema, useDuration } from "../options/duration.js";
import { countSchema, hasMethods, idSchema, validate } from "../options/validation.js";
import {
  type ConnectionOptions,
  connectionSettings,
  connectionShape,
  type KeyedConnection,
} from "../redis/connection-options.js";
import { type StoredFormOptions, storedFormShape } from "../encryption/options.js";
import type { StoredForm } from "../encryption/vault.js";
import type { Serializer } from "./values.js";
import { once } from "../options/once.js";

/** Options of every saver. */
export interface SaverOptions {
  /**
   * The largest number of checkpoints that a thread keeps, over all its namespaces. The script that adds a checkpoint
   * removes the oldest. It always keeps the latest checkpoint, and every checkpoint without which a kept one cannot be
   * read. `1` keeps no history; `"all"` keeps every checkpoint for as long as the thread lives.
   * @default 1000
   */
  maxCheckpoints?: number | "all" | undefined;
  /**
   * What happens to a checkpoint that is not built on the latest one of its namespace. `"refuse"` throws
   * ThreadChangedError: of two runs at once, neither is lost silently, and no run can begin at an older checkpoint
   * (time travel). `"allow"` stores the checkpoint as the latest.
   * @default "allow" for RedisSaver, "refuse" for SessionSaver
   */
  forks?: "allow" | "refuse" | undefined;
  /**
   * The largest size of a part of a value, in bytes. A part is a message, or the rest of a channel's value without its
   * messages. If a part is larger, the call throws InvalidOptionError before anything is sent.
   * @default 8 MiB
   */
  maxValueBytes?: number | undefined;
  /**
   * The serializer that turns values into bytes. With the default, a message that many checkpoints contain is stored
   * once. Any other serializer receives each value as a whole, so each version of a channel is stored in full.
   * @default LangGraph's JsonPlusSerializer
   */
  serde?: Serializer | undefined;
}

/** Options of {@link RedisSaver}. */
export interface RedisSaverOptions extends SaverOptions, ConnectionOptions, StoredFormOptions {
  /**
   * How long a thread lives after its last write. `"never"` keeps it until `deleteThread()`.
   * @default "30d"
   */
  ttl?: Duration | "never" | undefined;
  /**
   * Whether reading a thread also renews its time to live.
   * @default false
   */
  refreshOnRead?: boolean | undefined;
}

export interface SaverSettings {
  /** 0 for all. */
  readonly maxCheckpoints: number;
  readonly onlyLatest: boolean;
  readonly maxValueBytes: number;
  readonly serde: Serializer | undefined;
}

/** The validated options of a RedisSaver, with every default filled in and every duration in milliseconds. */
export interface RedisSaverSettings extends SaverSettings, KeyedConnection, StoredForm {
  /** 0 for never. */
  readonly ttlMilliseconds: number;
  readonly refreshOnRead: boolean;
}

const MIB = 1_048_576;

const saverShape = once(() => ({
  maxCheckpoints: z._default(
    z.union([z.transform(z.literal("all"), () => 0), countSchema()], 'use a whole number of at least 1, or "all"'),
    1_000,
  ),
  maxValueBytes: z._default(countSchema(), 8 * MIB),
  serde: z.optional(
    z.custom<Serializer>(
      (value) => hasMethods(value, ["dumpsTyped", "loadsTyped"]),
      "use an object with dumpsTyped and loadsTyped",
    ),
  ),
}));
const forks = once(() => z.enum(["allow", "refuse"], 'use "allow" or "refuse"'));

const redisSaverSchema = once(() =>
  z.strictObject(
    {
      ...connectionShape(),
      ...storedFormShape(),
      ...saverShape(),
      forks: z._default(forks(), "allow"),
      ttl: z.prefault(z.union([z.transform(z.literal("never"), () => 0), durationSchema()], useDuration), "30d"),
      refreshOnRead: z._default(z.boolean("use true or false"), false),
    },
    "pass an object with at least client",
  ),
);

/** The common part of the schema, for a saver that is bound to sessions. */
export const boundSaverShape = once(() => ({ ...saverShape(), forks: z._default(forks(), "refuse") }));

/** @throws InvalidOptionError when an option is missing, unknown or of the wrong form. */
export function parseRedisSaverOptions(options: RedisSaverOptions): RedisSaverSettings {
  const parsed = validate(redisSaverSchema(), "options", options);
  return {
    ...connectionSettings(parsed),
    ...saverSettings(parsed),
    ttlMilliseconds: parsed.ttl,
    refreshOnRead: parsed.refreshOnRead,
    encryption: parsed.encryption,
    compress: parsed.compress,
  };
}

export function saverSettings({
  maxCheckpoints,
  forks: mode,
  maxValueBytes,
  serde,
}: z.output<z.ZodObject<ReturnType<typeof boundSaverShape>>>): SaverSettings {
  return { maxCheckpoints, onlyLatest: mode === "refuse", maxValueBytes, serde };
}

/**
 * @throws InvalidOptionError when the id is not a non-empty, well-formed string of at most 1 KiB, or holds a session
 * token.
 */
export function parseThreadId(id: unknown): string {
  return validate(idSchema(), "configurable.thread_id", id);
}

/** Options of `prune`. */
export interface PruneOptions {
  /** The number of checkpoints to keep, at least 1. */
  keep: number;
}

const pruneSchema = once(() => z.strictObject({ keep: countSchema() }, "pass an object, such as { keep: 10 }"));

export function parsePrune(options: PruneOptions): PruneOptions {
  return validate(pruneSchema(), "options", options);
}

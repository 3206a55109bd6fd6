import * as z from "../options/schema.js";
import type { Keyring } from "../encryption/keyring.js";
import { type EncryptionOptions, encryptionShape } from "../encryption/options.js";
import {
  type ConnectionOptions,
  connectionSettings,
  connectionShape,
  type KeyedConnection,
} from "../redis/connection-options.js";
import { newOperationId } from "../redis/operation.js";
import { type Duration, durationSchema } from "../options/duration.js";
import type { SpaceLimits } from "../redis/scripts/memory/space.js";
import { countSchema, idSchema, noSuchOption, validate } from "../options/validation.js";
import { once } from "../options/once.js";

/**
 * The limits of a namespace: its size, and the number of writes. A limit that is left out does not apply. Reads and
 * removals are never limited.
 */
export interface MemoryLimits {
  /**
   * The most writes per UTC day, by the server's clock. Each value of a `setMany` is one write.
   * @default no limit
   */
  writesPerDay?: number | undefined;
  /**
   * The most bytes of UTF-8 that all keys and values take together, with the values as JSON.
   * @default no limit
   */
  storageBytes?: number | undefined;
  /**
   * The most bytes of UTF-8 that one value takes as JSON.
   * @default no limit
   */
  valueBytes?: number | undefined;
  /**
   * The most keys.
   * @default no limit
   */
  keys?: number | undefined;
}

/** Options of a whole namespace. */
export interface MemorySpaceOptions {
  /**
   * The time that the namespace lives after its last write. Values may have a shorter `ttl` of their own.
   * @default for ever
   */
  ttl?: Duration | undefined;
  /**
   * The limits of the namespace. The script that writes checks them, so they are exact, however many clients write.
   * @default no limits
   */
  limits?: MemoryLimits | undefined;
}

/** Options of {@link AgentMemory}. */
export interface AgentMemoryOptions extends MemorySpaceOptions, ConnectionOptions, EncryptionOptions {
  /**
   * The name of the namespace: any non-empty well-formed string of up to 1 KiB of UTF-8, except a session token. It may come
   * from an untrusted source.
   */
  namespace: string;
}

/** Options of a write to agent memory. */
export interface MemoryWriteOptions {
  /**
   * The time that the value lives from now on. Without it, `set` and `setMany` store a value that does not expire, and
   * `update`, `increment` and `append` do not change the time at which the value expires.
   */
  ttl?: Duration | undefined;
  /**
   * Names the write, so that repeating it within two minutes has no second effect. The same id with other content throws an
   * `OperationConflictError`.
   * @default a new id
   */
  operationId?: string | undefined;
}

/** Options of `set`. */
export interface SetOptions extends MemoryWriteOptions {
  /**
   * The version that the value must have, or 0 if there must be no value. With any other version, the call throws a
   * `VersionConflictError`.
   * @default any version
   */
  ifVersion?: number | undefined;
}

/** Options of `append`. */
export interface AppendOptions extends MemoryWriteOptions {
  /**
   * The number of items to keep. The script that appends removes the oldest items beyond it.
   * @default all items
   */
  max?: number | undefined;
}

export interface MemorySettings extends KeyedConnection {
  readonly namespace: string;
  readonly encryption: Keyring | undefined;
  readonly space: SpaceSettings;
}

export interface SpaceSettings {
  /** 0 if the namespace has no ttl. */
  readonly ttlMilliseconds: number;
  readonly limits: SpaceLimits;
}

const limitsSchema = once(() =>
  z.strictObject(
    {
      writesPerDay: z.optional(countSchema()),
      storageBytes: z.optional(countSchema()),
      valueBytes: z.optional(countSchema()),
      keys: z.optional(countSchema()),
    },
    "pass an object such as { writesPerDay: 1000, storageBytes: 50_000_000 }",
  ),
);
const spaceShape = once(() => ({ ttl: z.optional(durationSchema()), limits: z.optional(limitsSchema()) }));
const spaceSchema = once(() => z.strictObject(spaceShape(), "pass an object such as { ttl, limits }"));
const memorySchema = once(() =>
  z.strictObject(
    { ...connectionShape(), ...encryptionShape(), ...spaceShape(), namespace: idSchema() },
    "pass an object with at least client and namespace",
  ),
);

const writeShape = once(() => ({ ttl: z.optional(durationSchema()), operationId: z.optional(idSchema()) }));
const writeSchema = once(() =>
  z.strictObject(
    {
      ...writeShape(),
      ifVersion: z.optional(z.check(z.int("use a version that a write returned, or 0"), z.gte(0, "use 0 or more"))),
      max: z.optional(countSchema()),
    },
    "pass an object, such as { operationId }",
  ),
);

export function parseMemoryOptions(options: AgentMemoryOptions): MemorySettings {
  const parsed = validate(memorySchema(), "options", options);
  const { namespace, encryption } = parsed;
  return { ...connectionSettings(parsed), namespace, encryption, space: spaceSettings(parsed) };
}

/**
 * Returns the settings of a namespace.
 *
 * @param name the name of the option that contains these options, for the error.
 * @throws InvalidOptionError if an option is unknown or invalid.
 */
export function parseSpaceOptions(name: string, options: MemorySpaceOptions | undefined): SpaceSettings {
  return spaceSettings(validate(spaceSchema(), name, options ?? {}));
}

function spaceSettings({ ttl = 0, limits = {} }: z.output<ReturnType<typeof spaceSchema>>): SpaceSettings {
  const { writesPerDay = 0, storageBytes = 0, valueBytes = 0, keys = 0 } = limits;
  return {
    ttlMilliseconds: ttl,
    limits: { writesPerDay, storageBytes, valueBytes, keys },
  };
}

export interface WriteSettings {
  readonly operationId: string;
  /** Absent if the caller gave no `ttl`. Each method has its own default. */
  readonly lifetime: number | undefined;
  readonly ifVersion: number | undefined;
  /** 0 if there is no maximum. */
  readonly max: number;
}

/**
 * Returns the settings of a write.
 *
 * @param known the options that this method has besides `ttl` and `operationId`.
 * @throws InvalidOptionError if an option is unknown or invalid.
 */
export function parseMemoryWrite(
  options: SetOptions & AppendOptions = {},
  ...known: ("ifVersion" | "max")[]
): WriteSettings {
  const { operationId, ttl, ifVersion, max } = validate(writeSchema(), "options", options);
  const unknown = (["ifVersion", "max"] as const).find((name) => name in options && !known.includes(name));
  if (unknown) throw noSuchOption(unknown, ["ttl", "operationId", ...known]);
  return {
    operationId: operationId ?? newOperationId(),
    lifetime: ttl,
    ifVersion,
    max: max ?? 0,
  };
}

export function parseKey(key: string): string {
  return validate(idSchema(), "key", key);
}

import { z } from "zod";
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
 * How much a namespace may hold, and how often it may be written. A limit that is not given does not apply. Reads and
 * removals are never limited.
 */
export interface MemoryLimits {
  /** How many writes a day of UTC may see, by the server's clock. Each value of a `setMany` is one write. */
  writesPerDay?: number | undefined;
  /** How many bytes of UTF-8 all keys and values may take together, the values as JSON. */
  storageBytes?: number | undefined;
  /** How many bytes of UTF-8 one value may take as JSON. */
  valueBytes?: number | undefined;
  /** How many keys there may be. */
  keys?: number | undefined;
}

/** Options of a whole namespace. */
export interface MemorySpaceOptions {
  /**
   * How long the namespace lives after its last write. Values may have a shorter `ttl` of their own.
   * @default for ever
   */
  ttl?: Duration | undefined;
  /**
   * How much the namespace may hold and take. The script that writes checks this, so it is exact, whoever else writes.
   * @default no limits
   */
  limits?: MemoryLimits | undefined;
}

/** Options of {@link AgentMemory}. */
export interface AgentMemoryOptions extends MemorySpaceOptions, ConnectionOptions, EncryptionOptions {
  /**
   * Names the namespace. Any non-empty well-formed string of up to 1 KiB of UTF-8 will do, from whatever source, except a
   * session token.
   */
  namespace: string;
}

/** Options of a write to agent memory. */
export interface MemoryWriteOptions {
  /**
   * How long the value lives from now on. Without it, `set` and `setMany` store a value that does not expire, and
   * `update`, `increment` and `append` leave the value the time that it has.
   */
  ttl?: Duration | undefined;
  /**
   * Names the write, so that repeating it within two minutes has no second effect. Without it, a new id is made. The same
   * id with other content is an `OperationConflictError`.
   */
  operationId?: string | undefined;
}

/** Options of `set`. */
export interface SetOptions extends MemoryWriteOptions {
  /**
   * The version that the value must have, or 0 when there must be no value. Any other version is a
   * `VersionConflictError`.
   */
  ifVersion?: number | undefined;
}

/** Options of `append`. */
export interface AppendOptions extends MemoryWriteOptions {
  /** How many items to keep. The oldest go first, in the same script. Without it, all are kept. */
  max?: number | undefined;
}

export interface MemorySettings extends KeyedConnection {
  readonly namespace: string;
  readonly encryption: Keyring | undefined;
  readonly space: SpaceSettings;
}

export interface SpaceSettings {
  /** 0 when the namespace has no ttl. */
  readonly ttlMilliseconds: number;
  readonly limits: SpaceLimits;
}

const limitsSchema = once(() =>
  z.strictObject(
    {
      writesPerDay: countSchema().optional(),
      storageBytes: countSchema().optional(),
      valueBytes: countSchema().optional(),
      keys: countSchema().optional(),
    },
    "pass an object such as { writesPerDay: 1000, storageBytes: 50_000_000 }",
  ),
);
const spaceSchema = once(() =>
  z.strictObject(
    { ttl: durationSchema().optional(), limits: limitsSchema().optional() },
    "pass an object such as { ttl, limits }",
  ),
);
const memorySchema = once(() =>
  z.strictObject(
    { ...connectionShape(), ...encryptionShape(), ...spaceSchema().shape, namespace: idSchema() },
    "pass an object with at least client and namespace",
  ),
);

const writeShape = once(() => ({ ttl: durationSchema().optional(), operationId: idSchema().optional() }));
const writeSchema = once(() =>
  z.strictObject(
    {
      ...writeShape(),
      ifVersion: z.int("use a version that a write returned, or 0").min(0, "use 0 or more").optional(),
      max: countSchema().optional(),
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
 * @param name the name of the option that holds these options, for the error.
 * @throws InvalidOptionError when an option is unknown or of the wrong form.
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
  /** Absent when the caller gave none: each method has its own default. */
  readonly lifetime: number | undefined;
  readonly ifVersion: number | undefined;
  /** 0 when there is no cap. */
  readonly max: number;
}

/**
 * Returns the settings of a write.
 *
 * @param known the options that this method has besides `ttl` and `operationId`.
 * @throws InvalidOptionError when an option is unknown or of the wrong form.
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

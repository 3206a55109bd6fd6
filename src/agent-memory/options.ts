import { z } from "zod";
import { parseStoreOptions, type StoreOptions } from "../chat-history/options.js";
import { newOperationId } from "../redis/operation.js";
import { type Duration, durationSchema } from "../options/duration.js";
import { InvalidOptionError } from "../errors.js";
import type { SpaceLimits } from "../redis/scripts/memory/space.js";
import type { Connection } from "../redis/send.js";
import { countSchema, idSchema, noSuchOption, validate } from "../options/validation.js";

/** How much a namespace may hold and take. Each is off unless it is given; reads and removals are never limited. */
export interface MemoryLimits {
  /** Writes in a day of UTC, by the server's clock; each value of a `setMany` is one. */
  writesPerDay?: number | undefined;
  /** Bytes of UTF-8 of all keys and values together, the values as JSON. */
  storageBytes?: number | undefined;
  /** Bytes of UTF-8 of one value as JSON. */
  valueBytes?: number | undefined;
  /** How many keys. */
  keys?: number | undefined;
}

/** What holds for a whole namespace. */
export interface MemorySpaceOptions {
  /** How long the namespace lives after its last write; absent, for ever. Values may have a shorter `ttl` of their own. */
  ttl?: Duration | undefined;
  /** Checked in the script that writes: exact, whoever else writes. Absent, none. */
  limits?: MemoryLimits | undefined;
}

/** Options of {@link AgentMemory}. */
export interface AgentMemoryOptions
  extends MemorySpaceOptions, Pick<StoreOptions, "client" | "keyPrefix" | "deadline" | "wait"> {
  /** Names the namespace. Any non-empty well-formed string of up to 1 KiB of UTF-8, from whatever source; no session token. */
  namespace: string;
}

/** Options of a write to agent memory. */
export interface MemoryWriteOptions {
  /**
   * How long the value lives from now on. Absent: `set` and `setMany` store a value that does not expire; `update`,
   * `increment` and `append` leave it the time that it has.
   */
  ttl?: Duration | undefined;
  /**
   * Names the write, so that repeating it within two minutes has no second effect. Absent, one is made. The same id with
   * other content is an `OperationConflictError`.
   */
  operationId?: string | undefined;
}

/** Options of `set`. */
export interface SetOptions extends MemoryWriteOptions {
  /** The version that the value must have; 0: the key must not be there. Else a `VersionConflictError`. */
  ifVersion?: number | undefined;
}

/** Options of `append`. */
export interface AppendOptions extends MemoryWriteOptions {
  /** How many items to keep: the oldest go first, in the same script. Absent, all. */
  max?: number | undefined;
}

export interface MemorySettings extends Connection {
  readonly keyPrefix: string;
  readonly namespace: string;
  readonly space: SpaceSettings;
}

export interface SpaceSettings {
  /** 0: none. */
  readonly ttlMilliseconds: number;
  readonly limits: SpaceLimits;
}

const limitsSchema = z.strictObject(
  {
    writesPerDay: countSchema.optional(),
    storageBytes: countSchema.optional(),
    valueBytes: countSchema.optional(),
    keys: countSchema.optional(),
  },
  "pass an object such as { writesPerDay: 1000, storageBytes: 50_000_000 }",
);
const spaceSchema = z.strictObject(
  { ttl: durationSchema().optional(), limits: limitsSchema.optional() },
  "pass an object such as { ttl, limits }",
);
const memorySchema = z.strictObject({ ...spaceSchema.shape, namespace: idSchema });

const writeShape = { ttl: durationSchema().optional(), operationId: idSchema.optional() };
const writeSchema = z.strictObject(
  {
    ...writeShape,
    ifVersion: z.int("use a version that a write returned, or 0").min(0, "use 0 or more").optional(),
    max: countSchema.optional(),
  },
  "pass an object, such as { operationId }",
);

export function parseMemoryOptions(options: AgentMemoryOptions): MemorySettings {
  if (typeof options !== "object" || options === null) {
    throw new InvalidOptionError("options", "pass an object with at least client and namespace.");
  }
  const { client, keyPrefix, deadline, wait, ...own } = options;
  const { namespace, ...space } = validate(memorySchema, "options", own);
  const store = parseStoreOptions({ client, keyPrefix, deadline, wait });
  return {
    client: store.client,
    deadlineMilliseconds: store.deadlineMilliseconds,
    wait: store.wait,
    keyPrefix: store.keyPrefix,
    namespace,
    space: spaceSettings(space),
  };
}

/** @param name of the option that holds these, for the error. */
export function parseSpaceOptions(name: string, options: MemorySpaceOptions | undefined): SpaceSettings {
  return spaceSettings(validate(spaceSchema, name, options ?? {}));
}

function spaceSettings({ ttl = 0, limits = {} }: z.output<typeof spaceSchema>): SpaceSettings {
  const { writesPerDay = 0, storageBytes = 0, valueBytes = 0, keys = 0 } = limits;
  return {
    ttlMilliseconds: ttl,
    limits: { writesPerDay, storageBytes, valueBytes, keys },
  };
}

export interface WriteSettings {
  readonly operationId: string;
  /** Absent: as the method has it. */
  readonly lifetime: number | undefined;
  readonly ifVersion: number | undefined;
  /** 0: no cap. */
  readonly max: number;
}

/** @param known the options that this method has besides `ttl` and `operationId`. */
export function parseMemoryWrite(
  options: SetOptions & AppendOptions = {},
  ...known: ("ifVersion" | "max")[]
): WriteSettings {
  const { operationId, ttl, ifVersion, max } = validate(writeSchema, "options", options);
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
  return validate(idSchema, "key", key);
}

import { LangChainRedisError } from "./langchain-redis-error.js";

/**
 * A limit of an agent memory: writes per UTC day, bytes of all keys and values, bytes of one value, or the number of
 * keys.
 */
export type Quota = "writesPerDay" | "storageBytes" | "valueBytes" | "keys";

/**
 * Thrown when a write to agent memory would exceed one of its `limits`. The write changed nothing.
 *
 * @remedy Delete values, or raise the limit. If `quota` is `"writesPerDay"`, wait `retryAfter` seconds.
 */
export class QuotaExceededError extends LangChainRedisError {
  override readonly name = "QuotaExceededError";
  override readonly code = "QUOTA_EXCEEDED";
  /** The limit that the write would exceed. */
  readonly quota: Quota;
  /** The amount in use now. For `valueBytes`, the size of the refused value. */
  readonly usage: number;
  /** The amount that the limit allows. */
  readonly limit: number;
  /**
   * The number of seconds until the count of `writesPerDay` restarts at midnight UTC. `undefined` for the other limits,
   * where waiting does not help.
   */
  readonly retryAfter: number | undefined;

  constructor(details: { quota: Quota; usage: number; limit: number; retryAfter?: number | undefined }) {
    const { quota, usage, limit, retryAfter } = details;
    const advice = retryAfter === undefined ? "Make room, or raise the limit." : `Try again in ${retryAfter} seconds.`;
    super(`The write exceeds ${quota}: ${usage} used, ${limit} allowed. ${advice}`);
    this.quota = quota;
    this.usage = usage;
    this.limit = limit;
    this.retryAfter = retryAfter;
  }
}

/**
 * Thrown when the stored value does not have the expected version, because another write changed it. The refused write
 * changed nothing.
 *
 * @remedy Read the value again before you write, or use `update()`.
 */
export class VersionConflictError extends LangChainRedisError {
  override readonly name = "VersionConflictError";
  override readonly code = "VERSION_CONFLICT";
  /** The key of the value. */
  readonly key: string;
  /** The stored version. `0` if the key does not exist. */
  readonly version: number;

  constructor(key: string, version: number) {
    super(`${JSON.stringify(key)} has another version than expected. Read it again before you write, or use update().`);
    this.key = key;
    this.version = version;
  }
}

/**
 * Thrown when the stored value does not suit the call: the value does not match the schema, or the call needs a whole
 * number or an array. The value is unchanged. The error contains only the paths at fault, and no part of the value.
 *
 * @remedy Migrate the value, or delete it.
 */
export class ValueMismatchError extends LangChainRedisError {
  override readonly name = "ValueMismatchError";
  override readonly code = "VALUE_MISMATCH";
  /** The key of the value. */
  readonly key: string;
  /** The paths at fault inside the value, for example `"items[2].price"`. Empty if the value itself is at fault. */
  readonly paths: readonly string[];

  constructor(key: string, reason: string, paths: readonly string[] = []) {
    super(`The value of ${JSON.stringify(key)} ${reason}${paths.length > 0 ? ` at ${paths.join(", ")}` : ""}.`);
    this.key = key;
    this.paths = paths;
  }
}

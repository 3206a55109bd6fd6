import { LangChainRedisError } from "./langchain-redis-error.js";

/** Which limit of an agent memory: writes a UTC day, bytes of all keys and values, bytes of one value, number of keys. */
export type Quota = "writesPerDay" | "storageBytes" | "valueBytes" | "keys";

/** A write to agent memory would go beyond one of its `limits`. Nothing was changed. */
export class QuotaExceededError extends LangChainRedisError {
  override readonly name = "QuotaExceededError";
  override readonly code = "QUOTA_EXCEEDED";
  /** The limit in question. */
  readonly quota: Quota;
  /** How much is used now; for `valueBytes`, the size of the value that was refused. */
  readonly usage: number;
  readonly limit: number;
  /** In how many seconds the count starts anew (`writesPerDay`: at midnight UTC); absent where waiting does not help. */
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

/** Somebody else changed the value: it does not have the version that was expected. Nothing was changed. */
export class VersionConflictError extends LangChainRedisError {
  override readonly name = "VersionConflictError";
  override readonly code = "VERSION_CONFLICT";
  readonly key: string;
  /** The version that is stored; 0 when there is no such key. */
  readonly version: number;

  constructor(key: string, version: number) {
    super(`${JSON.stringify(key)} has another version than expected. Read it again, then decide; or use update().`);
    this.key = key;
    this.version = version;
  }
}

/**
 * The stored value is not what the call needs: it does not fit the schema, is no whole number, no array. It was left as
 * it is. The error holds nothing of it but the paths at fault.
 */
export class ValueMismatchError extends LangChainRedisError {
  override readonly name = "ValueMismatchError";
  override readonly code = "VALUE_MISMATCH";
  readonly key: string;
  /** Where in the value, for example `"items[2].price"`; empty when it is the value itself. */
  readonly paths: readonly string[];

  constructor(key: string, reason: string, paths: readonly string[] = []) {
    super(`The value of ${JSON.stringify(key)} ${reason}${paths.length > 0 ? ` at ${paths.join(", ")}` : ""}.`);
    this.key = key;
    this.paths = paths;
  }
}

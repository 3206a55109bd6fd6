import * as z from "../options/schema.js";
import { hasMethods } from "../options/validation.js";
import { once } from "../options/once.js";

/** Returns whether the record of a data key in Redis says that the key is kept elsewhere. */
export function isElsewhere(record: string): boolean {
  return record.endsWith(" elsewhere");
}

/** The time for which a data key is needed. */
export interface KeepDataKey {
  /**
   * The time in seconds from now for which something may exist that is sealed with the key. `"never"`: it never
   * expires.
   */
  readonly ttl: number | "never";
}

/**
 * Keeps wrapped data keys outside the Redis that holds the sealed data, for `keyring({ dataKeys })`: in a key
 * management service, in a table, or in another Redis (`redisDataKeys`). Each owner has one data key. It is wrapped, so
 * only the key ring can read it.
 *
 * @example
 * ```ts
 * const dataKeys: DataKeys = {
 *   get: async (owner) => (await table.find(owner))?.wrapped,
 *   create: (owner, wrapped, { replaces }) => table.insertOrReplace(owner, wrapped, replaces), // returns what is there now
 *   destroy: (owner, wrapped) => table.remove(owner, wrapped),
 * };
 * ```
 */
export interface DataKeys {
  /**
   * Returns the wrapped key of an owner, or `undefined` if there is none. Keeps it for at least `keep.ttl` from now on.
   */
  get(owner: string, keep: KeepDataKey): Promise<string | undefined>;
  /**
   * Stores a wrapped key if the owner has none, or has exactly `replaces`: the same key, wrapped by an older key of the
   * ring. Of two calls at once, one wins. Returns the wrapped key that is stored afterwards.
   */
  create(
    owner: string,
    wrapped: string,
    keep: KeepDataKey & { readonly replaces?: string | undefined },
  ): Promise<string>;
  /**
   * Removes the key of an owner for good, from backups too, if it is exactly `wrapped`; a later key stays. After that,
   * nothing that was sealed with the key can be read.
   */
  destroy(owner: string, wrapped: string): Promise<void>;
}

export const dataKeysSchema: () => z.ZodType<DataKeys> = once(() =>
  z.custom<DataKeys>(
    (value) => hasMethods(value, ["get", "create", "destroy"]),
    "pass an object with get, create and destroy, such as redisDataKeys({ client })",
  ),
);

import { z } from "zod";
import { hasMethods } from "../options/validation.js";
import { once } from "../options/once.js";

/** Whether what Redis holds of a data key says that the key is kept elsewhere. */
export function isElsewhere(record: string): boolean {
  return record.endsWith(" elsewhere");
}

/** How long a data key is needed. */
export interface KeepDataKey {
  /** For how many seconds from now on something may exist that is sealed with it. `"never"`: it never expires. */
  readonly ttl: number | "never";
}

/**
 * Where wrapped data keys are kept, for `keyring({ dataKeys })`: a key management service, a table, or another Redis, as
 * `redisDataKeys` has it. There is one data key for each owner. It is wrapped: only the ring can read it.
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
  /** Returns the wrapped key of an owner, and keeps it at least for `keep.ttl` from now on. */
  get(owner: string, keep: KeepDataKey): Promise<string | undefined>;
  /**
   * Stores a wrapped key when the owner has none, or exactly `replaces`: the same key, wrapped by an older key of the ring.
   * Of two calls at once one wins. Returns what is there afterwards.
   */
  create(
    owner: string,
    wrapped: string,
    keep: KeepDataKey & { readonly replaces?: string | undefined },
  ): Promise<string>;
  /**
   * Removes the key of an owner for good, from backups too, when it is exactly `wrapped`: a later key stays. Without it,
   * nothing can be read that is sealed with it.
   */
  destroy(owner: string, wrapped: string): Promise<void>;
}

export const dataKeysSchema: () => z.ZodType<DataKeys> = once(() =>
  z.custom<DataKeys>(
    (value) => hasMethods(value, ["get", "create", "destroy"]),
    "pass an object with get, create and destroy, such as redisDataKeys({ client })",
  ),
);

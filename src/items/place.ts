import { connectionOf } from "../encryption/vault.js";
import { type ItemKeys, itemKeys, type PartitionsKeys, partitionsKeys } from "../redis/keys.js";
import type { Connection } from "../redis/send.js";
import { type ItemSettings, parseStandaloneItems, type StandaloneItemOptions } from "./options.js";

/** The session on whose behalf items are used. Each script first checks that the session is live. */
interface ItemHolder {
  readonly record: string;
  /** The index of the owner's sessions. */
  readonly sessions: string;
  /** The index of the owner's partitions. */
  readonly partitions: string;
  readonly sessionId: string;
}

/**
 * Where items are kept, and on whose behalf they are used. A bound store differs from a standalone store only in this.
 */
export interface ItemPlace {
  readonly connection: Connection;
  /**
   * Returns the connection for the items of a partition, which has a data key of its own. Absent if all partitions
   * share one data key, or need none.
   */
  readonly connectionTo?: ((connection: Connection, partition: string) => Connection) | undefined;
  readonly settings: ItemSettings;
  readonly keysOf: (partition: string) => ItemKeys;
  /** Where the partitions are listed: in the index of the session's owner, or in a list in a slot of its own. */
  readonly listed:
    | { readonly by: "owner"; readonly holder: ItemHolder }
    | { readonly by: "list"; readonly keys: PartitionsKeys };
}

/** @throws InvalidOptionError if an option is missing, unknown or invalid. */
export function standaloneItems(options: StandaloneItemOptions): ItemPlace {
  const { client, deadlineMilliseconds, wait, keyPrefix, encryption, compress, ...settings } =
    parseStandaloneItems(options);
  const { ttlMilliseconds } = settings;
  const isPlain = encryption === undefined && !compress;
  return {
    connection: { client, deadlineMilliseconds, wait },
    connectionTo: isPlain
      ? undefined
      : (connection, partition) => {
          const { dataKey } = itemKeys(keyPrefix, partition);
          const holding = { owner: `items:${partition}`, dataKey, ttlMilliseconds };
          return connectionOf({ ...connection, encryption, compress }, holding);
        },
    settings,
    keysOf: (partition) => itemKeys(keyPrefix, partition),
    listed: { by: "list", keys: partitionsKeys(keyPrefix) },
  };
}

import * as z from "../options/schema.js";
import { validate } from "../options/validation.js";
import {
  type ConnectionOptions,
  connectionSettings,
  connectionShape,
  keyPrefixSchema,
} from "../redis/connection-options.js";
import { wrappedKeyOf } from "../redis/keys.js";
import { destroyDataKeyScript } from "../redis/scripts/data-key/destroy.js";
import { createDataKeyScript, getDataKeyScript } from "../redis/scripts/data-key/keep.js";
import { run } from "../redis/send.js";
import type { DataKeys, KeepDataKey } from "./data-keys.js";
import { once } from "../options/once.js";

/** Options of {@link redisDataKeys}. */
export interface RedisDataKeysOptions extends Omit<ConnectionOptions, "keyPrefix"> {
  /**
   * The beginning of every key in Redis. It may contain no braces and no white space.
   * @default "chat-keys"
   */
  keyPrefix?: string | undefined;
}

const schema = once(() =>
  z.strictObject(
    { ...connectionShape(), keyPrefix: z._default(keyPrefixSchema(), "chat-keys") },
    "pass an object with at least client",
  ),
);

/**
 * Returns a {@link DataKeys} that keeps wrapped data keys in another Redis than the data that they seal, for `keyring({
 * dataKeys })`. Erasing a user then also makes the user's data in earlier backups of the first Redis unreadable, unless
 * a backup of this Redis has the key. A key expires when nothing that it sealed can exist any more; the key of a user
 * of a `SessionStore` stays until `eraseUser`.
 *
 * @throws InvalidOptionError if an option is missing, unknown or invalid.
 *
 * @example
 * ```ts
 * const dataKeys = redisDataKeys({ client: connect("redis://keys.internal:6379") });
 * const encryption = keyring({ current: "2026-11", keys: { "2026-11": process.env.CHAT_KEY }, dataKeys });
 * ```
 */
export function redisDataKeys(options: RedisDataKeysOptions): DataKeys {
  const settings = connectionSettings(validate(schema(), "options", options));
  const keysOf = (owner: string): { wrapped: string } => ({ wrapped: wrappedKeyOf(settings.keyPrefix, owner) });
  return {
    async get(owner, keep) {
      const call = { keys: keysOf(owner), arguments: { ttl: millisecondsOf(keep) } };
      const found = await run(settings, getDataKeyScript, call);
      return found.outcome === "kept" ? found.wrapped : undefined;
    },
    async create(owner, wrapped, { replaces = "", ...keep }) {
      const sent = { ttl: millisecondsOf(keep), new: wrapped, replaces };
      return (await run(settings, createDataKeyScript, { keys: keysOf(owner), arguments: sent })).wrapped;
    },
    async destroy(owner, wrapped) {
      await run(settings, destroyDataKeyScript, { keys: keysOf(owner), arguments: { known: wrapped } });
    },
  };
}

function millisecondsOf({ ttl }: KeepDataKey): number {
  return ttl === "never" ? 0 : ttl * 1_000;
}

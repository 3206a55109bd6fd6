import * as z from "../options/schema.js";
import { InvalidOptionError } from "../errors.js";
import { type Duration, durationSchema } from "../options/duration.js";
import { type StoredFormOptions, storedFormShape } from "../encryption/options.js";
import type { StoredForm } from "../encryption/vault.js";
import { countSchema, validate } from "../options/validation.js";
import {
  type ConnectionOptions,
  connectionSettings,
  connectionShape,
  type KeyedConnection,
} from "../redis/connection-options.js";
import { once } from "../options/once.js";

/** Options of a store's items. */
export interface ItemOptions {
  /**
   * How long an item lives after it was put. Without it, items never expire.
   * @default undefined: items never expire
   */
  ttl?: Duration | undefined;
  /**
   * Whether `get` and `search` renew the `ttl` of the items that they return. This takes a search one more round trip.
   * Requires a `ttl`.
   * @default false
   */
  refreshOnRead?: boolean | undefined;
  /**
   * The number of labels of a namespace that decide where its items are kept. Items whose namespaces begin with the
   * same labels are in one partition: in one Cluster slot, where a batch is written whole or not at all. Use the same
   * number in all stores: a store with another number does not see these items.
   * @default 2
   */
  partition?: number | undefined;
  /**
   * The largest number of items that one search, or of namespaces that one listing, may look at. Beyond it, the call
   * throws SearchTooLargeError.
   * @default 10_000
   */
  maxScan?: number | undefined;
}

/** Options of a store that belongs to no session. */
export interface StandaloneItemOptions extends ItemOptions, ConnectionOptions, StoredFormOptions {}

export interface ItemSettings {
  /** 0: items never expire. */
  readonly ttlMilliseconds: number;
  readonly refreshOnRead: boolean;
  readonly partition: number;
  readonly maxScan: number;
}

/** The validated options of a store that belongs to no session. */
export interface StandaloneItemSettings extends ItemSettings, KeyedConnection, StoredForm {}

const itemShape = once(() => ({
  ttl: z.optional(durationSchema()),
  refreshOnRead: z._default(z.boolean("use true or false"), false),
  partition: z._default(countSchema(), 2),
  maxScan: z._default(countSchema(), 10_000),
}));
const itemSchema = once(() => z.strictObject(itemShape(), "pass an object such as { ttl }"));
const standaloneSchema = once(() =>
  z.strictObject({ ...connectionShape(), ...storedFormShape(), ...itemShape() }, "pass an object with at least client"),
);

export function parseStandaloneItems(options: StandaloneItemOptions): StandaloneItemSettings {
  const { encryption, compress, ...parsed } = validate(standaloneSchema(), "options", options);
  return { ...connectionSettings(parsed), ...itemSettings(parsed), encryption, compress };
}

/** @throws InvalidOptionError if an option is unknown or invalid. */
export function parseItems(options: ItemOptions): ItemSettings {
  return itemSettings(validate(itemSchema(), "options", options));
}

function itemSettings({
  ttl = 0,
  refreshOnRead,
  partition,
  maxScan,
}: z.output<ReturnType<typeof itemSchema>>): ItemSettings {
  if (refreshOnRead && ttl === 0) throw new InvalidOptionError("refreshOnRead", "pass a ttl, which a read can renew.");
  return { ttlMilliseconds: ttl, refreshOnRead, partition, maxScan };
}

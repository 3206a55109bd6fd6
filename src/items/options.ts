import { z } from "zod";
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

/** Options of the items of a store. */
export interface ItemOptions {
  /**
   * How long an item lives after it was put. A store without it keeps what it puts for ever.
   * @default for ever
   */
  ttl?: Duration | undefined;
  /**
   * Whether `get` and `search` renew the `ttl` of the items that they return. A search takes one more round trip for it.
   * @default false
   */
  refreshOnRead?: boolean | undefined;
  /**
   * How many labels of a namespace say where its items are kept. Items whose namespaces begin with the same labels are kept
   * together: in one Cluster slot, written together or not at all. Stores with another number do not see these items.
   * @default 2
   */
  partition?: number | undefined;
  /**
   * How many items, or namespaces, one search or listing may look at. Beyond it, it throws a `SearchTooLargeError`.
   * @default 10_000
   */
  maxScan?: number | undefined;
}

/** Options of a store that belongs to no session. */
export interface StandaloneItemOptions extends ItemOptions, ConnectionOptions, StoredFormOptions {}

export interface ItemSettings {
  /** 0: for ever. */
  readonly ttlMilliseconds: number;
  readonly refreshOnRead: boolean;
  readonly partition: number;
  readonly maxScan: number;
}

/** The options of a store that belongs to no session, checked. */
export interface StandaloneItemSettings extends ItemSettings, KeyedConnection, StoredForm {}

const itemShape = once(() => ({
  ttl: durationSchema().optional(),
  refreshOnRead: z.boolean("use true or false").default(false),
  partition: countSchema().default(2),
  maxScan: countSchema().default(10_000),
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

import * as z from "../options/schema.js";
import { isElsewhere, type KeepDataKey } from "../encryption/data-keys.js";
import type { Keyring } from "../encryption/keyring.js";
import { elsewhere } from "../encryption/vault.js";
import { EncryptionKeyError } from "../errors.js";
import { validate } from "../options/validation.js";
import { connectionSettings, type KeyedConnection } from "../redis/connection-options.js";
import { dataKeyOf, dataKeyPattern, foundKey, type Holder } from "../redis/found-keys.js";
import { count, textOrNothing } from "../redis/replies.js";
import { scanKeys } from "../redis/scan.js";
import { rewrapDataKeyScript } from "../redis/scripts/data-key/rewrap.js";
import { type Connection, read, run } from "../redis/send.js";
import { inBatches } from "./in-batches.js";
import { AT_ONCE, type ResealOptions, resealShape } from "./options.js";
import { once } from "../options/once.js";

/** The progress of {@link rewrapDataKeys}. */
export interface RewrapProgress {
  /** The number of data keys found so far. */
  readonly scanned: number;
  /** The number of data keys that were wrapped anew so far. */
  readonly rewrapped: number;
}

/** Options of {@link rewrapDataKeys}. */
export type RewrapDataKeysOptions = ResealOptions<RewrapProgress>;

/** The result of {@link rewrapDataKeys}. */
export interface RewrappedDataKeys {
  /** The number of data keys that were wrapped anew. */
  readonly rewrapped: number;
  /** The number of data keys that each key of the ring wraps now, by the id of the ring's key. */
  readonly wrappedBy: Record<string, number>;
}

const schema = once(() => z.strictObject(resealShape(), "pass an object with at least client and encryption"));

/** The name under which records without a valid key id are counted. It is not a valid id, so no ring has such a key. */
const UNREADABLE = "(unreadable)";
/** How often a data key is read again that another process has changed meanwhile. */
const MAX_LOOKS = 3;

/**
 * Wraps all data keys anew with the ring's current key, and counts how many data keys each key of the ring wraps
 * afterwards. Messages stay as they are. You can run it while users talk, and repeat it.
 *
 * A data key that the ring cannot unwrap stays as it is, and is counted under the id of the key that wrapped it. You
 * may remove a key from `keys` when it wraps no data key and all processes use the new key as `current`.
 *
 * Of data keys that are kept elsewhere, it finds those that have sealed something in this Redis.
 *
 * @throws InvalidOptionError if an option is missing, unknown or invalid.
 * @throws EncryptionKeyError when data keys are kept elsewhere, and the ring has no `dataKeys`.
 * @throws StoreUnavailableError when Redis, or the place of the data keys, did not answer within `deadline`.
 *
 * @example
 * ```ts
 * const encryption = keyring({ current: "2027-05", keys });
 * const { wrappedBy } = await rewrapDataKeys({ client, encryption });
 * console.log(wrappedBy); // { "2027-05": 1200 }
 * ```
 */
export async function rewrapDataKeys(options: RewrapDataKeysOptions): Promise<RewrappedDataKeys> {
  const parsed = validate(schema(), "options", options);
  const { encryption } = parsed;
  const settings = connectionSettings(parsed);
  const wrappedBy = new Map<string, number>();
  const seen = new Set<string>();
  let rewrapped = 0;
  let base = "";
  const patternOf = (prefix: string): string => {
    base = prefix;
    return dataKeyPattern(prefix);
  };
  for await (const { keys } of scanKeys(settings, patternOf, settings.keyPrefix)) {
    const holders = keys.flatMap((key) => {
      const found = foundKey(base, key);
      // SCAN may return a key twice.
      if (found?.parts.join(":") !== "data-key" || seen.has(key)) return [];
      seen.add(key);
      return [found.holder];
    });
    for (const one of await inBatches(holders, AT_ONCE, (holder) => rewrap(settings, encryption, holder))) {
      if (one === undefined) continue;
      wrappedBy.set(one.wrappedBy, (wrappedBy.get(one.wrappedBy) ?? 0) + 1);
      if (one.isRewrapped) rewrapped++;
    }
    options.onProgress?.({ scanned: seen.size, rewrapped });
  }
  return { rewrapped, wrappedBy: Object.fromEntries(wrappedBy) };
}

interface Rewrapped {
  readonly wrappedBy: string;
  readonly isRewrapped: boolean;
}

/** Returns the id of the key that wraps the holder's data key now; `undefined` if there is no data key. */
async function rewrap(settings: KeyedConnection, ring: Keyring, holder: Holder): Promise<Rewrapped | undefined> {
  const dataKey = dataKeyOf(settings.keyPrefix, holder);
  const [held, left] = await read(
    settings,
    "reseal.data-key",
    [
      ["get", dataKey],
      ["pttl", dataKey],
    ],
    (record, milliseconds) => [textOrNothing(record) ?? "", count(milliseconds)],
  );
  if (isElsewhere(held)) return rewrapElsewhere(settings, ring, holder, left);
  return untilSettled(ring, `${holder.kind}:${holder.name}`, held, async (known, rewrapped) => {
    const call = { keys: { dataKey }, arguments: { known, rewrapped } };
    const reply = await run(settings, rewrapDataKeyScript, call);
    return reply.outcome === "done" ? rewrapped : reply.found;
  });
}

async function rewrapElsewhere(
  connection: Connection,
  ring: Keyring,
  holder: Holder,
  left: number,
): Promise<Rewrapped | undefined> {
  const { dataKeys } = ring;
  if (dataKeys === undefined) {
    throw new EncryptionKeyError("Data keys are kept elsewhere. Pass the `dataKeys` of the keyring that made them.");
  }
  const owner = `${holder.kind}:${holder.name}`;
  // A user's key stays until the user is erased (sessions/owner-keys.ts).
  const keep: KeepDataKey = { ttl: holder.kind === "user" || left < 0 ? "never" : Math.ceil(left / 1_000) };
  const held = await elsewhere(connection, () => dataKeys.get(owner, keep));
  return untilSettled(ring, owner, held ?? "", (replaces, rewrapped) =>
    elsewhere(connection, () => dataKeys.create(owner, rewrapped, { ...keep, replaces })),
  );
}

/**
 * Wraps the key of a record anew, and starts again if the record has changed meanwhile.
 *
 * @param replace replaces one record by another, and returns the record that is stored afterwards.
 */
async function untilSettled(
  ring: Keyring,
  owner: string,
  held: string,
  replace: (known: string, rewrapped: string) => Promise<string>,
): Promise<Rewrapped | undefined> {
  let record = held;
  for (let looks = 0; ; looks++) {
    // The key has gone, was destroyed, or has been moved elsewhere meanwhile.
    if (record === "" || record.endsWith(" -") || isElsewhere(record)) return undefined;
    const [, wrappedBy = UNREADABLE] = /^\S+ ([\w.-]{1,64}) \S+$/.exec(record) ?? [];
    const rewrapped = looks < MAX_LOOKS ? wrapAnew(ring, owner, record) : undefined;
    if (rewrapped === undefined) return { wrappedBy, isRewrapped: false };
    const there = await replace(record, rewrapped);
    if (there === rewrapped) return { wrappedBy: ring.current, isRewrapped: true };
    record = there;
  }
}

/** Returns the record wrapped by the current key; `undefined` if it is so already, or if the ring cannot unwrap it. */
function wrapAnew(ring: Keyring, owner: string, record: string): string | undefined {
  try {
    const { key, isOld } = ring.unwrap(owner, record);
    return isOld ? ring.wrap(key) : undefined;
  } catch (error) {
    if (error instanceof EncryptionKeyError) return undefined;
    throw error;
  }
}

import * as z from "../options/schema.js";
import type { StoredFormOptions } from "../encryption/options.js";
import { storedFormShape } from "../encryption/options.js";
import { connectionOf, type StoredForm } from "../encryption/vault.js";
import { InvalidOptionError } from "../errors.js";
import { validate } from "../options/validation.js";
import { connectionSettings, type KeyedConnection } from "../redis/connection-options.js";
import { contentPattern, dataKeyOf, type FoundKey, foundKey } from "../redis/found-keys.js";
import { count, text } from "../redis/replies.js";
import { scanKeys } from "../redis/scan.js";
import { read } from "../redis/send.js";
import { inBatches } from "./in-batches.js";
import { AT_ONCE, type ResealOptions, resealShape } from "./options.js";
import { placeOf } from "./places.js";
import { type Sealed, sealPlace } from "./seal-place.js";
import { once } from "../options/once.js";

/** The progress of {@link sealStored}. */
export interface SealProgress extends Sealed {
  /** The number of keys looked at so far. */
  readonly scanned: number;
}

/** Options of {@link sealStored}. */
export interface SealStoredOptions extends ResealOptions<SealProgress>, Pick<StoredFormOptions, "compress"> {}

const schema = once(() =>
  z.strictObject(
    { ...resealShape(), compress: storedFormShape().compress },
    "pass an object with at least client and encryption",
  ),
);

/**
 * Seals data that is stored as plain text: messages, titles, the content of sessions, values of agent memory, and items
 * of stores. It compares each value before it replaces it, so you can run it while other processes write, and repeat
 * it.
 *
 * It marks a conversation in which all messages are sealed. From then on, plain text in it is refused, even by
 * processes that accept plain text elsewhere. Checkpoints of LangGraph, events and questions of answers in flight, and
 * records of operations stay as they are.
 *
 * @returns the number of values that were sealed, and of values that were skipped, because they changed at each try or
 * cannot be read. Repeat the call until none are skipped.
 * @throws InvalidOptionError when an option is missing, unknown or of the wrong form, or the key ring does not seal.
 * @throws EncryptionKeyError when the key ring cannot unwrap the data key of an owner whose values it has to seal.
 * @throws StoreUnavailableError when Redis, or the place of the data keys, did not answer within `deadline`.
 *
 * @example
 * ```ts
 * const encryption = keyring({ current: "2026-11", keys, acceptPlaintext: true });
 * const { sealed, skipped } = await sealStored({ client, encryption });
 * ```
 */
export async function sealStored(options: SealStoredOptions): Promise<Sealed> {
  const parsed = validate(schema(), "options", options);
  const { encryption, compress } = parsed;
  if (!encryption.seals) throw new InvalidOptionError("encryption", "use a keyring without `seal: false`.");
  const settings = { ...connectionSettings(parsed), encryption, compress };
  let [scanned, sealed, skipped] = [0, 0, 0];
  let base = "";
  const patternOf = (prefix: string): string => {
    base = prefix;
    return contentPattern(prefix);
  };
  for await (const { keys } of scanKeys(settings, patternOf, settings.keyPrefix)) {
    const found = keys.map((key) => foundKey(base, key)).filter((one) => one !== undefined);
    for (const one of await inBatches(found, AT_ONCE, (key) => sealKey(settings, key))) {
      sealed += one.sealed;
      skipped += one.skipped;
    }
    scanned += keys.length;
    options.onProgress?.({ scanned, sealed, skipped });
  }
  return { sealed, skipped };
}

async function sealKey(settings: KeyedConnection & StoredForm, found: FoundKey): Promise<Sealed> {
  const nothing = { sealed: 0, skipped: 0 };
  const place = placeOf(settings.keyPrefix, found);
  if (place === undefined) return nothing;
  const [type, left] = await read(
    settings,
    "reseal.place",
    [
      ["type", place.key],
      ["pttl", place.key],
    ],
    (kind, milliseconds) => [text(kind), count(milliseconds)],
  );
  // Leave alone a key of this name that another application uses.
  if (type !== place.type) return nothing;
  const { holder } = found;
  const connection = connectionOf(
    { ...settings, compress: settings.compress && place.compresses },
    {
      owner: `${holder.kind}:${holder.name}`,
      dataKey: dataKeyOf(settings.keyPrefix, holder),
      // A user's data key that is kept elsewhere stays until the user is erased (sessions/owner-keys.ts).
      ttlMilliseconds: holder.kind === "user" || left < 0 ? 0 : left,
    },
  );
  return sealPlace(connection, place);
}

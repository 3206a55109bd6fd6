import { Unreadable } from "../codec/unreadable.js";
import { type Opened } from "../encryption/opening.js";
import { open } from "../encryption/vault.js";
import { CorruptMessageError } from "../errors.js";
import { ITEM_HEADER_BYTES } from "../redis/scripts/fragments/items.js";
import { type Belonging, type Stored } from "../redis/sealing.js";
import type { Connection } from "../redis/send.js";
import { nameOf } from "./names.js";

/** An item as LangGraph has it. */
export interface StoredItem {
  readonly namespace: string[];
  readonly key: string;
  readonly value: Record<string, unknown>;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** An item, and where it stands among others. */
export interface FoundItem {
  readonly field: string;
  /** Microseconds. */
  readonly updated: number;
  /** When the item expires, in milliseconds; 0 for never. */
  readonly deadline: number;
  readonly item: StoredItem;
}

/** How many bytes the text of an item has at most: Redis takes no longer value. */
const MAX_BYTES = 536_870_912;

/** What the value of an item is sealed for. Its times are not: an item of the same name may be an older one. */
export function ofItem(field: string): Belonging {
  return { kind: "item", within: field };
}

/**
 * Returns the items as they are stored: namespace and key, stored text.
 *
 * @throws CorruptMessageError when this library did not write one of them, or it cannot be opened.
 * @throws EncryptionKeyError when the ring cannot unwrap the key.
 */
export async function decodeItems(
  connection: Connection,
  stored: readonly (readonly [field: string, stored: Stored])[],
): Promise<readonly FoundItem[]> {
  const bodies = stored.map(([, one]) => bodyOf(one));
  // Without a key to ask for, it opens them at once.
  const opened = await open(connection, bodies, (index) => ({
    ...ofItem(stored[index]?.[0] ?? ""),
    maxBytes: MAX_BYTES,
  }));
  return stored.map(([field, one], index) => decodeItem(field, headerOf(one), opened[index] ?? ""));
}

function decodeItem(field: string, header: string, json: Opened): FoundItem {
  const [, created, updated, deadline] = /^(\d{16}) (\d{16}) (\d{13}) $/.exec(header) ?? [];
  if (created === undefined || updated === undefined) throw corrupt();
  const { namespace, key } = nameOf(field);
  return {
    field,
    updated: Number(updated),
    deadline: Number(deadline),
    item: {
      namespace: [...namespace],
      key,
      value: parse(json),
      createdAt: dateOf(created),
      updatedAt: dateOf(updated),
    },
  };
}

function headerOf(stored: Stored): string {
  return typeof stored === "string"
    ? stored.slice(0, ITEM_HEADER_BYTES)
    : stored.toString("utf8", 0, ITEM_HEADER_BYTES);
}

function bodyOf(stored: Stored): Stored {
  return typeof stored === "string" ? stored.slice(ITEM_HEADER_BYTES) : stored.subarray(ITEM_HEADER_BYTES);
}

function dateOf(microseconds: string): Date {
  return new Date(Math.floor(Number(microseconds) / 1_000));
}

function parse(json: Opened): Record<string, unknown> {
  if (json instanceof Unreadable) throw new CorruptMessageError(`An item of the store cannot be read: ${json.reason}.`);
  try {
    return JSON.parse(json) as Record<string, unknown>;
  } catch {
    // The error of JSON.parse is left out, because it quotes what it could not read.
    throw corrupt();
  }
}

function corrupt(): CorruptMessageError {
  return new CorruptMessageError("An item of the store is not what this library wrote.");
}

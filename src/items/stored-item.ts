import { Unreadable } from "../codec/unreadable.js";
import { type Opened } from "../encryption/opening.js";
import { open } from "../encryption/vault.js";
import { CorruptMessageError } from "../errors.js";
import { ITEM_HEADER_BYTES } from "../redis/scripts/fragments/items.js";
import { type Belonging, type Stored } from "../redis/sealing.js";
import type { Connection } from "../redis/send.js";
import { nameOf } from "./names.js";

/** An item in the form that LangGraph uses. */
export interface StoredItem {
  readonly namespace: string[];
  readonly key: string;
  readonly value: Record<string, unknown>;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** An item, with the values that decide its place among others. */
export interface FoundItem {
  readonly field: string;
  /** The time of the last put, in microseconds. */
  readonly updated: number;
  /** The time at which the item expires, in milliseconds; 0: never. */
  readonly deadline: number;
  readonly item: StoredItem;
}

/** The largest size of an item's text in bytes, which is the largest value that Redis accepts. */
const MAX_BYTES = 536_870_912;

/**
 * Returns the place that an item's value is sealed for. Its times are not part of it, so an older value of the same
 * item still opens.
 */
export function ofItem(field: string): Belonging {
  return { kind: "item", within: field };
}

/**
 * Returns the items of stored entries: pairs of an item's stored name and its stored text.
 *
 * @throws CorruptMessageError when this library did not write one of them, or one cannot be opened.
 * @throws EncryptionKeyError when the key ring cannot unwrap the key.
 */
export async function decodeItems(
  connection: Connection,
  stored: readonly (readonly [field: string, stored: Stored])[],
): Promise<readonly FoundItem[]> {
  const bodies = stored.map(([, one]) => bodyOf(one));
  // If no key has to be fetched, this opens the values at once.
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
    // Leave out the error of JSON.parse, because it quotes the text.
    throw corrupt();
  }
}

function corrupt(): CorruptMessageError {
  return new CorruptMessageError("An item of the store is not what this library wrote.");
}

import { CorruptMessageError } from "../errors.js";
import { ITEM_HEADER_BYTES } from "../redis/scripts/fragments/items.js";
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
  readonly item: StoredItem;
}

/** @throws CorruptMessageError when this library did not write the text. */
export function decodeItem(field: string, stored: string): FoundItem {
  const [, created, updated] = /^(\d{16}) (\d{16}) \d{13} /.exec(stored) ?? [];
  if (created === undefined || updated === undefined) throw corrupt();
  const { namespace, key } = nameOf(field);
  return {
    field,
    updated: Number(updated),
    item: {
      namespace: [...namespace],
      key,
      value: parse(stored.slice(ITEM_HEADER_BYTES)),
      createdAt: dateOf(created),
      updatedAt: dateOf(updated),
    },
  };
}

function dateOf(microseconds: string): Date {
  return new Date(Math.floor(Number(microseconds) / 1_000));
}

function parse(json: string): Record<string, unknown> {
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

import { stampedOf, sealEntries } from "../chat-history/entries.js";
import { asText, openPlain } from "../encryption/opening.js";
import { readEnvelope } from "../encryption/envelope.js";
import { sealValue } from "../agent-memory/sealed-values.js";
import { ofItem } from "../items/stored-item.js";
import type { Value } from "../redis/port.js";
import { HEADER_BYTES, SEALED_MARK } from "../redis/scripts/fragments/memory.js";
import { ITEM_HEADER_BYTES } from "../redis/scripts/fragments/items.js";
import type { Sealer, Stored } from "../redis/sealing.js";
import { isContent, sealFields, sealTitle } from "../sessions/opened-record.js";

// How each kind of stored value is sealed.

/** The largest size of a decompressed text in bytes. No text that this library wrote is larger. */
const MAX_BYTES = 67_108_864;

/** Seals a value. Returns the sealed form, and the fields to store beside it. */
export type Sealing = (
  sealer: Sealer,
  lineage: string,
) => { readonly sealed: Value; readonly beside?: readonly Stored[] };

/** How to seal a value; or `"sealed"` if it is sealed or needs no seal, or `"unreadable"`. */
type Looked = Sealing | "sealed" | "unreadable";

/** Looks at a value and its field. For an entry of a list, `field` is its index. */
export type Look = (stored: Stored, field: string) => Looked;

/** Returns the text of a body that is plain or only compressed. */
function plainOf(body: Stored): { readonly text: string } | "sealed" | "unreadable" {
  const value = asText(body);
  if (typeof value !== "string" && readEnvelope(value)?.sealed !== undefined) return "sealed";
  const text = openPlain(value, { kind: "", within: "", maxBytes: MAX_BYTES });
  return typeof text === "string" ? { text } : "unreadable";
}

function joined(...parts: readonly Value[]): Value {
  return Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
}

export const lookAtMessage: Look = (stored) => {
  const { body, time } = stampedOf(stored);
  const plain = plainOf(body);
  if (typeof plain === "string") return plain;
  return (sealer, lineage) => ({ sealed: joined(...sealEntries(sealer, [plain.text], lineage), time) });
};

export const lookAtTitle: Look = (stored, field) => {
  const plain = field === "title" ? plainOf(stored) : "sealed";
  if (typeof plain === "string") return plain;
  return (sealer, lineage) => ({ sealed: sealTitle(sealer, plain.text, lineage) });
};

export function lookAtSession(sessionId: string): Look {
  return (stored, field) => {
    const plain = isContent(field) ? plainOf(stored) : "sealed";
    if (typeof plain === "string") return plain;
    return (sealer) => {
      const [, sealed = "", ...beside] = sealFields(sealer, sessionId, [field, plain.text]);
      return { sealed, beside };
    };
  };
}

/**
 * Returns the look at a value of agent memory.
 *
 * @param name the name of the namespace within its owner.
 */
export function lookAtMemory(name: string): Look {
  return (stored, key) => {
    const value = asText(stored);
    if (typeof value !== "string") return value[HEADER_BYTES] === SEALED_MARK.charCodeAt(0) ? "sealed" : "unreadable";
    const [header, json] = [value.slice(0, HEADER_BYTES), value.slice(HEADER_BYTES)];
    if (!/^\d{16} \d{13} \d{10} $/.test(header)) return "unreadable";
    return (sealer) => ({ sealed: joined(header, sealValue(sealer, { name }, key, json)) });
  };
}

export const lookAtItem: Look = (stored, field) => {
  const bytes = Buffer.from(stored);
  const header = bytes.toString("latin1", 0, ITEM_HEADER_BYTES);
  if (!/^\d{16} \d{16} \d{13} $/.test(header)) return "unreadable";
  const plain = plainOf(bytes.subarray(ITEM_HEADER_BYTES));
  if (typeof plain === "string") return plain;
  return (sealer) => ({ sealed: joined(header, sealer.seal(plain.text, ofItem(field))) });
};

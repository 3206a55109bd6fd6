import { inflate, InflateError } from "../codec/deflate.js";
import { Unreadable } from "../codec/unreadable.js";
import { type Belonging, type Stored, textOf } from "../redis/sealing.js";
import type { DataKey } from "./data-key.js";
import { type Envelope, readEnvelope } from "./envelope.js";

/** A value that was opened: its text, or why it cannot be read. */
export type Opened = string | Unreadable;

/** What a reader expects of a value. */
export interface Expected extends Belonging {
  /** How many bytes the text has at most that is made of a compressed value. */
  readonly maxBytes: number;
  /** Whether the place is marked: it has been sealed anew, so that plain text is not the library's. */
  readonly isSealed?: boolean | undefined;
}

const damaged = "it was altered, or belongs elsewhere";

/** Returns bytes that are text as text. */
export function asText(stored: Stored): Stored {
  return typeof stored === "string" ? stored : (textOf(stored) ?? stored);
}

/** Opens a value where nothing is sealed. */
export function openPlain(value: Stored, about: Expected): Opened {
  const stored = asText(value);
  if (typeof stored === "string") return stored;
  const envelope = readEnvelope(stored);
  if (envelope === undefined) return new Unreadable("it is not what this library wrote");
  if (envelope.sealed !== undefined) return new Unreadable("it is sealed: pass the `encryption` that sealed it");
  return unpacked(envelope.body, envelope, about);
}

/** Opens a value with a data key, if there is one. */
export function openSealed(envelope: Envelope, key: DataKey | undefined, about: Expected): Opened {
  if (key === undefined) return new Unreadable("the key is gone with which it is sealed");
  if (envelope.sealed?.keyId !== key.id) return new Unreadable("it is sealed with a key that is not its owner's");
  const plain = key.open(envelope, about);
  return plain === undefined ? new Unreadable(damaged) : unpacked(plain, envelope, about);
}

function unpacked(body: Buffer, { dictionary }: Envelope, { maxBytes }: Expected): Opened {
  if (dictionary === undefined) return body.toString();
  try {
    return inflate(body, dictionary, maxBytes);
  } catch (error) {
    if (error instanceof InflateError) return new Unreadable(error.message);
    throw error;
  }
}

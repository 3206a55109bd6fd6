import { inflate, InflateError } from "../codec/deflate.js";
import { Unreadable } from "../codec/unreadable.js";
import { type Belonging, type Stored, textOf } from "../redis/sealing.js";
import type { DataKey } from "./data-key.js";
import { type Envelope, readEnvelope } from "./envelope.js";

/** An opened value: its text, or the reason why it cannot be read. */
export type Opened = string | Unreadable;

/** The properties that a reader expects of a value. */
export interface Expected extends Belonging {
  /** The largest size of the decompressed text, in bytes. */
  readonly maxBytes: number;
  /** Whether the place is marked as sealed anew. Then plain text in it was not written by this library. */
  readonly isSealed?: boolean | undefined;
}

const damaged = "it was altered, or belongs elsewhere";

/** Returns a value as text if its bytes are text. */
export function asText(stored: Stored): Stored {
  return typeof stored === "string" ? stored : (textOf(stored) ?? stored);
}

/** Opens a value in a place where nothing is sealed. */
export function openPlain(value: Stored, about: Expected): Opened {
  const stored = asText(value);
  if (typeof stored === "string") return stored;
  const envelope = readEnvelope(stored);
  if (envelope === undefined) return new Unreadable("it is not what this library wrote");
  if (envelope.sealed !== undefined) return new Unreadable("it is sealed: pass the `encryption` that sealed it");
  return unpacked(envelope.body, envelope, about);
}

/** Opens a sealed value. Returns an {@link Unreadable} if there is no data key or it does not fit. */
export function openSealed(envelope: Envelope, key: DataKey | undefined, about: Expected): Opened {
  if (key === undefined) return new Unreadable("the key that sealed it is gone");
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

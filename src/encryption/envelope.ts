import { IS_QUESTION, SEALED, type Stored } from "../redis/sealing.js";

// A sealed or compressed value consists of these bytes:
//
//   marker 1 · flags 1 · id of the dictionary 1, if it is compressed
//   if it is sealed: id of the data key 6 · nonce 12 · ciphertext · tag 16
//   otherwise: the body
//
// Text may stand in front of the marker and behind the end, if scripts have to read it, such as the time of a message.

const IS_SEALED = 1;
const IS_COMPRESSED = 2;

export const KEY_ID_BYTES = 6;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

/** The bytes in front of the sealed part. They are authenticated with it. */
export interface Head {
  readonly isQuestion: boolean;
  /** The id of the dictionary of the compression. `undefined` if the value is not compressed. */
  readonly dictionary: number | undefined;
}

export interface Envelope extends Head {
  readonly head: Buffer;
  readonly sealed:
    | { readonly keyId: string; readonly nonce: Buffer; readonly text: Buffer; readonly tag: Buffer }
    | undefined;
  readonly body: Buffer;
}

export function headOf({ isQuestion, dictionary }: Head, isSealed: boolean): Buffer {
  const flags =
    (isSealed ? IS_SEALED : 0) | (dictionary === undefined ? 0 : IS_COMPRESSED) | (isQuestion ? IS_QUESTION : 0);
  return dictionary === undefined ? Buffer.of(SEALED, flags) : Buffer.of(SEALED, flags, dictionary);
}

/**
 * Returns the parts of an envelope. The bytes begin with the marker. Returns `undefined` for bytes that are no
 * envelope.
 */
export function readEnvelope(bytes: Buffer): Envelope | undefined {
  const flags = bytes[1] ?? 0xff;
  if (bytes[0] !== SEALED || flags > (IS_SEALED | IS_COMPRESSED | IS_QUESTION)) return undefined;
  const isCompressed = (flags & IS_COMPRESSED) !== 0;
  const start = isCompressed ? 3 : 2;
  const head = bytes.subarray(0, start);
  const body = bytes.subarray(start);
  const common = {
    head,
    body,
    isQuestion: (flags & IS_QUESTION) !== 0,
    dictionary: isCompressed ? bytes[2] : undefined,
  };
  if ((flags & IS_SEALED) === 0) return { ...common, sealed: undefined };
  const text = KEY_ID_BYTES + NONCE_BYTES;
  const tag = body.length - TAG_BYTES;
  if (tag < text) return undefined;
  return {
    ...common,
    sealed: {
      keyId: body.toString("base64url", 0, KEY_ID_BYTES),
      nonce: body.subarray(KEY_ID_BYTES, text),
      text: body.subarray(text, tag),
      tag: body.subarray(tag),
    },
  };
}

/** Returns whether a stored value is a message of a user, judged by what a script can see of it. */
export function isStoredQuestion(stored: Stored | undefined): boolean {
  return typeof stored === "string"
    ? stored.startsWith('{"type":"human"')
    : (readEnvelope(stored ?? NOTHING)?.isQuestion ?? false);
}

const NOTHING = Buffer.alloc(0);

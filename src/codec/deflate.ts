import { constants, isUtf8 } from "node:buffer";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { CURRENT_DICTIONARY, dictionaryOf } from "./dictionary.js";

// A text of an entry is short, so zlib's own cost is more that of its memory than that of the text. These two make the memory
// small. They make no difference to who reads.
const MEMORY = { level: 9, memLevel: 5 } as const;

/** Thrown when a body cannot be inflated. The message continues "…: ", and quotes nothing of the body. */
export class InflateError extends Error {
  override readonly name = "InflateError";
}

/** What was compressed, and with which dictionary. */
export interface Deflated {
  readonly dictionary: number;
  readonly body: Buffer;
}

/** Compresses a well-formed text (raw deflate, RFC 1951). Returns `undefined` when that does not make it smaller. */
export function deflate(text: string): Deflated | undefined {
  const dictionary = dictionaryOf(CURRENT_DICTIONARY);
  if (dictionary === undefined) return undefined;
  const body = deflateRawSync(text, { dictionary, ...MEMORY });
  return body.length < Buffer.byteLength(text) ? { dictionary: CURRENT_DICTIONARY, body } : undefined;
}

/**
 * Returns the text of a body. It has no checksum: what is sealed has one, and what is not can be altered anyway.
 *
 * @throws InflateError for a body that is damaged, of an unknown dictionary, or of more than `maxBytes` of text. No more than
 * that is ever inflated.
 */
export function inflate(body: Buffer, dictionaryId: number, maxBytes: number): string {
  const dictionary = dictionaryOf(dictionaryId);
  if (dictionary === undefined) throw new InflateError("it is compressed with a dictionary of a later version");
  const text = inflated(body, dictionary, Math.min(maxBytes, constants.MAX_LENGTH));
  if (!isUtf8(text)) throw new InflateError("what was compressed is damaged");
  return text.toString();
}

function inflated(body: Buffer, dictionary: Buffer, maxOutputLength: number): Buffer {
  try {
    // The types lack `info`, which Node documents: with it, the engine says how much it has read.
    const { buffer, engine } = inflateRawSync(body, {
      dictionary,
      maxOutputLength,
      info: true,
    }) as unknown as {
      readonly buffer: Buffer;
      readonly engine: { readonly bytesWritten: number };
    };
    // zlib leaves out what follows the end.
    if (engine.bytesWritten === body.length) return buffer;
  } catch (error) {
    if (error instanceof RangeError)
      throw new InflateError("what was compressed has more bytes than maxMessageBytes allows");
  }
  throw new InflateError("what was compressed is damaged");
}

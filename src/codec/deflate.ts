import { constants, isUtf8 } from "node:buffer";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { CURRENT_DICTIONARY, dictionaryOf } from "./dictionary.js";

// The text of an entry is short, so most of zlib's cost is that of its memory, and not that of the text. These settings keep
// the memory small. A reader does not need them.
const MEMORY = { level: 9, memLevel: 5 } as const;

/** Thrown when a body cannot be inflated. The message continues "…: ", and quotes nothing of the body. */
export class InflateError extends Error {
  override readonly name = "InflateError";
}

/** A compressed text, and the id of its dictionary. */
export interface Deflated {
  readonly dictionary: number;
  readonly body: Buffer;
}

/** Compresses a well-formed text (raw deflate, RFC 1951). Returns `undefined` if the result is not smaller. */
export function deflate(text: string): Deflated | undefined {
  const dictionary = dictionaryOf(CURRENT_DICTIONARY);
  if (dictionary === undefined) return undefined;
  const body = deflateRawSync(text, { dictionary, ...MEMORY });
  return body.length < Buffer.byteLength(text) ? { dictionary: CURRENT_DICTIONARY, body } : undefined;
}

/**
 * Returns the text of a body. A body has no checksum of its own: a sealed one is authenticated, and an unsealed one could be
 * altered together with a checksum.
 *
 * @throws InflateError for a body that is damaged, has an unknown dictionary, or has more than `maxBytes` of text. No more
 * than that is ever inflated.
 */
export function inflate(body: Buffer, dictionaryId: number, maxBytes: number): string {
  const dictionary = dictionaryOf(dictionaryId);
  if (dictionary === undefined) throw new InflateError("it is compressed with a dictionary of a later version");
  const text = inflated(body, dictionary, Math.min(maxBytes, constants.MAX_LENGTH));
  if (!isUtf8(text)) throw new InflateError("its compressed text is damaged");
  return text.toString();
}

function inflated(body: Buffer, dictionary: Buffer, maxOutputLength: number): Buffer {
  try {
    // The types lack `info`, which Node documents. With it, the result has the engine, which counts the bytes that it read.
    const { buffer, engine } = inflateRawSync(body, {
      dictionary,
      maxOutputLength,
      info: true,
    }) as unknown as {
      readonly buffer: Buffer;
      readonly engine: { readonly bytesWritten: number };
    };
    // zlib ignores bytes behind the end, but a body with such bytes is damaged.
    if (engine.bytesWritten === body.length) return buffer;
  } catch (error) {
    if (error instanceof RangeError)
      throw new InflateError("its compressed text has more bytes than maxMessageBytes allows");
  }
  throw new InflateError("its compressed text is damaged");
}

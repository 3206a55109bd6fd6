import { isUtf8 } from "node:buffer";
import { OPERATION_WINDOW_MILLISECONDS } from "./operation.js";
import type { Value } from "./port.js";
import type { Connection } from "./send.js";

// What is sealed or compressed is bytes, and begins with this byte, which no UTF-8 has: bytes that have it anywhere are no
// text. What Redis has to read stands as text in front of it or behind the end.
export const SEALED = 0xff;

/** The bit of the second byte that says: this is a message of a user. Scripts ask for it. */
export const IS_QUESTION = 4;

/**
 * How much longer a data key is kept than what is sealed with it. Expiry times are read off the clock one after another, and
 * a repeated operation is told apart by the key.
 */
export const KEY_SLACK_MILLISECONDS: number = 2 * OPERATION_WINDOW_MILLISECONDS;

/** A value as Redis has it: text, or bytes where a part of it is sealed or compressed. */
export type Stored = string | Buffer;

/** What a value is, and what it belongs to. A sealed value opens nowhere else. */
export interface Belonging {
  /** Such as `"message"`. */
  readonly kind: string;
  /** What it belongs to within its owner, such as the lineage of a conversation. */
  readonly within: string;
}

/** What one call seals with. */
export interface Sealer {
  /** Returns the text as it is stored: sealed, compressed, both or as it is. */
  seal(text: string, about: Belonging & { readonly isQuestion?: boolean }): Value;
  /** Whether nothing is sealed: there is no key ring, or it only reads what is sealed. */
  readonly isPlain: boolean;
  /** Tells writes under one operation id apart, and says nothing of what was written. */
  digest(...parts: readonly string[]): string;
  /** A digest by which values can be compared, or found, without being read. */
  name(purpose: string, ...parts: readonly string[]): string;
  /**
   * What a script checks of the key before it writes, and keeps the key for. When nothing was sealed, it only keeps the key
   * that is there. `undefined` when nothing is ever sealed here.
   *
   * @param ttlMilliseconds how long what is sealed lives at most; 0 for ever.
   */
  proof(ttlMilliseconds: number): KeyProof | undefined;
}

/** The key that a script checks, and what it has to find there: fragments/data-key.ts says how it is spelled. */
export interface KeyProof {
  readonly dataKey: string;
  readonly seal: string;
}

/** Seals what is written, and opens what is read, of one owner. */
export interface Vault {
  /** Whether what is written is sealed. */
  readonly seals: boolean;
  /** What a call has that seals nothing, and may let what is sealed live longer. */
  readonly keeper: Sealer;
  /** Returns what a call seals with. Takes a round trip when the owner's data key is not known here yet. */
  sealer(connection: Connection): Promise<Sealer>;
  /** A script has taken effect that checked this sealer's proof. */
  accepted(sealer: Sealer): void;
  /** A script found another key than the sealer's, or none (`""`). */
  refused(connection: Connection, found: string): Promise<void>;
}

/** Thrown where a reply that was asked for as text is none. The reply is then asked for as bytes. */
export class NotText extends Error {
  override readonly name = "NotText";
}

/**
 * Turns the strings of a reply of bytes into text, but for those that are none. Text with a U+FFFD, which these have when
 * they are read as text, stays bytes too: `textOf` tells them apart.
 */
export function storedReply(reply: unknown): unknown {
  if (!Buffer.isBuffer(reply)) return Array.isArray(reply) ? reply.map(storedReply) : reply;
  return isUtf8(reply) && !reply.includes(REPLACED) ? reply.toString() : reply;
}

/** U+FFFD in UTF-8. */
const REPLACED = Buffer.from("\uFFFD");

/** Returns the text that bytes are, `undefined` for those that are none. */
export function textOf(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString() : undefined;
}

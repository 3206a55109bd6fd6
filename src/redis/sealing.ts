import { isUtf8 } from "node:buffer";
import { OPERATION_WINDOW_MILLISECONDS } from "./operation.js";
import type { Value } from "./port.js";
import type { Connection } from "./send.js";

// The byte that begins a sealed or compressed value. UTF-8 never contains it, so bytes that contain it are not text.
// The parts that scripts read stand as text in front of it, or behind the end.
export const SEALED = 0xff;

/** The bit of the second byte that marks a message of a user. Scripts read it. */
export const IS_QUESTION = 4;

/**
 * How much longer a data key is kept than the values that it seals. Expiry times are read off the clock one after
 * another, and the key also identifies repeated operations.
 */
export const KEY_SLACK_MILLISECONDS: number = 2 * OPERATION_WINDOW_MILLISECONDS;

/** A stored value: text, or bytes if a part of it is sealed or compressed. */
export type Stored = string | Buffer;

/** The kind of a value, and the place that it belongs to. A sealed value opens in no other place. */
export interface Belonging {
  /** The kind, such as `"message"`. */
  readonly kind: string;
  /** The place within the owner's data, such as the lineage of a conversation. */
  readonly within: string;
}

/** Seals the values of one call. */
export interface Sealer {
  /** Returns the stored form of a text: sealed, compressed, both, or as it is. */
  seal(text: string, about: Belonging & { readonly isQuestion?: boolean }): Value;
  /** Whether nothing is sealed, because there is no key ring, or because it only opens sealed values. */
  readonly isPlain: boolean;
  /** Returns a digest that tells writes under one operation id apart, and reveals nothing of their content. */
  digest(...parts: readonly string[]): string;
  /** Returns a digest by which values can be compared or found without being read. */
  name(purpose: string, ...parts: readonly string[]): string;
  /**
   * Returns the proof that a script checks before it writes, and the time for which the script keeps the key. If
   * nothing was sealed, the script only keeps the existing key. Returns `undefined` if nothing is ever sealed here.
   *
   * @param ttlMilliseconds the longest time that the sealed values live; 0: for ever.
   */
  proof(ttlMilliseconds: number): KeyProof | undefined;
}

/**
 * The key of Redis that a script checks, and the data key that it must find there. fragments/data-key.ts describes the
 * form.
 */
export interface KeyProof {
  readonly dataKey: string;
  readonly seal: string;
}

/** Seals and opens the values of one owner. */
export interface Vault {
  /** Whether written values are sealed. */
  readonly seals: boolean;
  /** The sealer of a call that seals nothing, but may prolong the life of sealed values. */
  readonly keeper: Sealer;
  /** Returns the sealer of a call. Takes a round trip if this process does not know the owner's data key yet. */
  sealer(connection: Connection): Promise<Sealer>;
  /** Records that a script which checked this sealer's proof has taken effect. */
  accepted(sealer: Sealer): void;
  /** Records that a script found a key other than the sealer's, or none (`""`). */
  refused(connection: Connection, found: string): Promise<void>;
}

/** Thrown when a reply that was requested as text is not text. The caller then requests it as bytes. */
export class NotText extends Error {
  override readonly name = "NotText";
}

/**
 * Turns the strings of a reply of bytes into text, except those that are not text. Strings with a U+FFFD stay bytes
 * too, because bytes that are not text would show the same character. `textOf` tells them apart.
 */
export function storedReply(reply: unknown): unknown {
  if (!Buffer.isBuffer(reply)) return Array.isArray(reply) ? reply.map(storedReply) : reply;
  return isUtf8(reply) && !reply.includes(REPLACED) ? reply.toString() : reply;
}

/** U+FFFD in UTF-8. */
const REPLACED = Buffer.from("\uFFFD");

/** Returns bytes as text; `undefined` if they are not text. */
export function textOf(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString() : undefined;
}

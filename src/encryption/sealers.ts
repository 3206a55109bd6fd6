import { deflate } from "../codec/deflate.js";
import { digestOf } from "../options/digest.js";
import type { Value } from "../redis/port.js";
import { type Belonging, KEY_SLACK_MILLISECONDS, type KeyProof, type Sealer } from "../redis/sealing.js";
import { headOf } from "./envelope.js";
import type { KnownKey } from "./known-keys.js";

type About = Belonging & { readonly isQuestion?: boolean };

function withSlack(ttlMilliseconds: number): number {
  return ttlMilliseconds === 0 ? 0 : ttlMilliseconds + KEY_SLACK_MILLISECONDS;
}

/** Returns the proof of a call that seals nothing. */
function keeping(dataKey: string, ttlMilliseconds: number): KeyProof {
  return { dataKey, seal: `- keep ${withSlack(ttlMilliseconds)} -` };
}

/** Writes plain text, or compressed text if `compress` is on. */
export class PlainSealer implements Sealer {
  readonly isPlain = true;
  readonly #dataKey: string | undefined;
  readonly #compress: boolean;

  /** @param dataKey the key of Redis in which a script finds the data key. Absent if nothing is ever sealed. */
  constructor(dataKey: string | undefined, compress: boolean) {
    this.#dataKey = dataKey;
    this.#compress = compress;
  }

  seal(text: string, { isQuestion = false }: About): Value {
    const deflated = this.#compress ? deflate(text) : undefined;
    if (deflated === undefined) return text;
    const { body, dictionary } = deflated;
    return Buffer.concat([headOf({ isQuestion, dictionary }, false), body]);
  }

  digest(...parts: readonly string[]): string {
    return digestOf(...parts);
  }

  name(_purpose: string, ...parts: readonly string[]): string {
    return digestOf(...parts);
  }

  proof(ttlMilliseconds: number): KeyProof | undefined {
    return this.#dataKey === undefined ? undefined : keeping(this.#dataKey, ttlMilliseconds);
  }
}

/** Seals with the owner's data key. */
export class KeySealer implements Sealer {
  readonly isPlain = false;
  readonly known: KnownKey;
  readonly #dataKey: string;
  readonly #compress: boolean;
  #hasSealed = false;

  /** @param dataKey the key of Redis in which a script finds the data key. */
  constructor(known: KnownKey, dataKey: string, compress: boolean) {
    this.known = known;
    this.#dataKey = dataKey;
    this.#compress = compress;
  }

  seal(text: string, about: About): Value {
    this.#hasSealed = true;
    const { isQuestion = false } = about;
    const deflated = this.#compress ? deflate(text) : undefined;
    const head = headOf({ isQuestion, dictionary: deflated?.dictionary }, true);
    return this.known.key.seal(head, deflated?.body ?? text, about);
  }

  digest(...parts: readonly string[]): string {
    return this.known.key.digest("operation", ...parts);
  }

  name(purpose: string, ...parts: readonly string[]): string {
    return this.known.key.digest(purpose, ...parts);
  }

  proof(ttlMilliseconds: number): KeyProof {
    if (!this.#hasSealed) return keeping(this.#dataKey, ttlMilliseconds);
    const { key, state, rest } = this.known;
    return { dataKey: this.#dataKey, seal: `${key.id} ${state} ${withSlack(ttlMilliseconds)} ${rest}` };
  }

  /**
   * Whether this sealer has sealed something. Then the script was told of the key, and its success shows that Redis has
   * the key.
   */
  get hasSealed(): boolean {
    return this.#hasSealed;
  }
}

/** The sealer for places where nothing is sealed or compressed. */
export const unsealed: Sealer = new PlainSealer(undefined, false);

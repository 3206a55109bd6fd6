import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { joined } from "../options/digest.js";
import type { Belonging } from "../redis/sealing.js";
import { type Envelope, KEY_ID_BYTES, NONCE_BYTES, TAG_BYTES } from "./envelope.js";

const CIPHER = "aes-256-gcm";
/** The length of an AES-256 key in bytes. */
export const KEY_BYTES = 32;

/**
 * The random key that seals everything of one owner. Each purpose has a key of its own, derived from it with HKDF (RFC
 * 5869). The key stays the same when the key ring rotates.
 */
export class DataKey {
  /** 48 random bits that tell the keys of one owner apart. */
  readonly id: string;
  readonly #secret: Buffer;
  readonly #owner: string;
  readonly #sealing: KeyObject;
  /**
   * The data that was authenticated last, by its head. The messages of one conversation share it, so it is built once.
   */
  #latest = { kind: "", within: "", authenticated: new Map<string, Buffer>() };
  #digesting: Buffer | undefined;

  /** @param owner the name of the key's owner, which does not depend on how the keys of Redis are spelled. */
  constructor(owner: string, id: string, secret: Buffer) {
    this.id = id;
    this.#owner = owner;
    this.#secret = secret;
    this.#sealing = createSecretKey(this.#derive("seal"));
  }

  static random(owner: string): DataKey {
    return new DataKey(owner, randomBytes(KEY_ID_BYTES).toString("base64url"), randomBytes(KEY_BYTES));
  }

  /**
   * Returns a sealed envelope: the head, and behind it the id of this key, the nonce, the ciphertext and the tag. Each
   * entry has a random nonce of 96 bits (NIST SP 800-38D).
   */
  seal(head: Buffer, plain: Buffer | string, about: Belonging): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#sealing, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(this.#authenticated(head, about));
    const text = typeof plain === "string" ? cipher.update(plain, "utf8") : cipher.update(plain);
    cipher.final();
    return Buffer.concat([head, Buffer.from(this.id, "base64url"), nonce, text, cipher.getAuthTag()]);
  }

  /**
   * Returns the sealed content; `undefined` if any of it was altered, or was sealed for another place or with another
   * key.
   */
  open({ head, sealed }: Envelope, about: Belonging): Buffer | undefined {
    if (sealed === undefined) return undefined;
    const decipher = createDecipheriv(CIPHER, this.#sealing, sealed.nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(this.#authenticated(head, about));
    decipher.setAuthTag(sealed.tag);
    const plain = decipher.update(sealed.text);
    try {
      decipher.final();
      return plain;
    } catch {
      return undefined;
    }
  }

  /** Returns 132 bits of HMAC-SHA-256. Without the key, they reveal nothing about the texts. */
  digest(purpose: string, ...parts: readonly string[]): string {
    this.#digesting ??= this.#derive("digest");
    return createHmac("sha256", this.#digesting)
      .update(joined(purpose, ...parts))
      .digest("base64url")
      .slice(0, 22);
  }

  /** Returns this key, wrapped by a key of the ring. */
  wrap(ringKeyId: string, ringKey: Buffer): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, ringKey, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(wrapping(this.#owner, this.id, ringKeyId));
    const text = cipher.update(this.#secret);
    cipher.final();
    return `${ringKeyId} ${Buffer.concat([nonce, text, cipher.getAuthTag()]).toString("base64url")}`;
  }

  /** Returns the unwrapped key; `undefined` if another key wrapped it or it belongs to another owner. */
  static unwrap(owner: string, id: string, ringKeyId: string, ringKey: Buffer, wrapped: string): DataKey | undefined {
    const bytes = Buffer.from(wrapped, "base64url");
    if (bytes.length !== NONCE_BYTES + KEY_BYTES + TAG_BYTES) return undefined;
    const decipher = createDecipheriv(CIPHER, ringKey, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(wrapping(owner, id, ringKeyId));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const secret = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
    try {
      decipher.final();
      return new DataKey(owner, id, secret);
    } catch {
      return undefined;
    }
  }

  #authenticated(head: Buffer, { kind, within }: Belonging): Buffer {
    if (this.#latest.kind !== kind || this.#latest.within !== within) {
      this.#latest = { kind, within, authenticated: new Map() };
    }
    const spelled = head.toString("latin1");
    const known = this.#latest.authenticated.get(spelled);
    if (known !== undefined) return known;
    const authenticated = Buffer.concat([head, Buffer.from(joined(kind, this.#owner, within))]);
    this.#latest.authenticated.set(spelled, authenticated);
    return authenticated;
  }

  #derive(purpose: string): Buffer {
    return Buffer.from(hkdfSync("sha256", this.#secret, "", `langchain-redis-sessions ${purpose}`, KEY_BYTES));
  }
}

function wrapping(owner: string, id: string, ringKeyId: string): Buffer {
  return Buffer.from(joined("data key", owner, id, ringKeyId));
}

import * as z from "../options/schema.js";
import { EncryptionKeyError, InvalidOptionError } from "../errors.js";
import { validate } from "../options/validation.js";
import type { RedisPort } from "../redis/port.js";
import { DataKey, KEY_BYTES } from "./data-key.js";
import { type DataKeys, dataKeysSchema } from "./data-keys.js";
import { KnownKeys } from "./known-keys.js";
import { once } from "../options/once.js";

/** Options of {@link keyring}. */
export interface KeyringOptions {
  /** The id of the key that wraps data keys from now on. */
  current: string;
  /**
   * The keys by their ids. Each is 32 random bytes, or these in base64; `openssl rand -base64 32` makes one. Keep a key
   * in the ring as long as it wraps any data key.
   */
  keys: Readonly<Record<string, Uint8Array | string>>;
  /**
   * Where the wrapped data keys are kept. If they are kept elsewhere, erasing a user also makes the user's data in
   * backups of Redis unreadable.
   * @default the same Redis, beside the data that they seal
   */
  dataKeys?: DataKeys | undefined;
  /**
   * Whether new data is sealed. `false` writes plain text and still reads sealed data, which is the first step of
   * switching encryption on (docs/privacy.md).
   * @default true
   */
  seal?: boolean | undefined;
  /**
   * Whether data that is not sealed is read. As long as it is, anyone who can write to Redis can insert data of their
   * own.
   * @default false; true with `seal: false`
   */
  acceptPlaintext?: boolean | undefined;
}

const help = "use 32 random bytes, or these in base64: openssl rand -base64 32";
const ringKeySchema = once(() =>
  z.check(
    z.transform(z.union([z.instanceof(Uint8Array), z.base64(help), z.base64url(help)], help), (key) =>
      Buffer.from(typeof key === "string" ? Buffer.from(key, "base64") : key),
    ),
    z.refine((key) => key.length === KEY_BYTES, help),
  ),
);
const idSchema = once(() =>
  z.check(z.string("use a string"), z.regex(/^[\w.-]{1,64}$/, "use 1 to 64 letters, digits, and . _ -")),
);
const schema = once(() =>
  z.strictObject(
    {
      current: idSchema(),
      keys: z.record(idSchema(), ringKeySchema(), "use an object of keys by their ids"),
      dataKeys: z.optional(dataKeysSchema()),
      seal: z._default(z.boolean("use true or false"), true),
      acceptPlaintext: z.optional(z.boolean("use true or false")),
    },
    "pass an object, such as { current, keys }",
  ),
);

/**
 * Returns the key ring that seals stored data (AES-256-GCM), for the option `encryption`.
 *
 * Each owner has a random data key, which the ring's current key wraps. The ring's keys never leave the process.
 * docs/privacy.md says what is sealed and what is not, how to switch encryption on, and how to rotate keys.
 *
 * @throws InvalidOptionError if an option is missing, unknown or invalid. The message quotes no key.
 *
 * @example
 * ```ts
 * const encryption = keyring({ current: "2026-11", keys: { "2026-11": process.env.CHAT_KEY } });
 * const sessions = new SessionStore({ client, encryption });
 * ```
 */
export function keyring(options: KeyringOptions): Keyring {
  const { current, keys, dataKeys, seal, acceptPlaintext = !seal } = validate(schema(), "options", options);
  const ringKeys = new Map(Object.entries(keys));
  if (!ringKeys.has(current)) throw new InvalidOptionError("current", "use the id of one of the keys.");
  return new Keyring({ current, ringKeys, dataKeys, seal, acceptPlaintext });
}

interface KeyringSettings {
  readonly current: string;
  readonly ringKeys: ReadonlyMap<string, Buffer>;
  readonly dataKeys: DataKeys | undefined;
  readonly seal: boolean;
  readonly acceptPlaintext: boolean;
}

/** The key ring that {@link keyring} returns, for the option `encryption`. */
export class Keyring {
  readonly #settings: KeyringSettings;
  readonly #known = new WeakMap<RedisPort, KnownKeys>();

  /** @internal */
  constructor(settings: KeyringSettings) {
    this.#settings = settings;
  }

  /** @internal */
  get dataKeys(): DataKeys | undefined {
    return this.#settings.dataKeys;
  }

  /** @internal The id of the key that wraps data keys from now on. */
  get current(): string {
    return this.#settings.current;
  }

  /** @internal */
  get seals(): boolean {
    return this.#settings.seal;
  }

  /** @internal */
  get acceptsPlaintext(): boolean {
    return this.#settings.acceptPlaintext;
  }

  /** @internal Returns the data keys that this process knows for one Redis. */
  knownOf(client: RedisPort): KnownKeys {
    const found = this.#known.get(client);
    if (found !== undefined) return found;
    const known = new KnownKeys();
    this.#known.set(client, known);
    return known;
  }

  /** @internal Returns the record of a data key: `<id> <id of the ring's key> <wrapped>`. */
  wrap(key: DataKey): string {
    const { current, ringKeys } = this.#settings;
    return `${key.id} ${key.wrap(current, ringKeys.get(current) as Buffer)}`;
  }

  /**
   * @internal Returns the key of a record, and whether a key of the ring that is not the current one wrapped it.
   *
   * @throws EncryptionKeyError when the ring cannot unwrap the key.
   */
  unwrap(owner: string, record: string): { key: DataKey; isOld: boolean } {
    const [id = "", ringKeyId = "", wrapped = ""] = record.split(" ");
    const ringKey = this.#settings.ringKeys.get(ringKeyId);
    if (!/^[\w-]{8}$/.test(id) || wrapped === "") {
      throw new EncryptionKeyError("The record of a data key is not what this library wrote.");
    }
    if (ringKey === undefined) {
      throw new EncryptionKeyError(
        `A data key is wrapped by the key ${JSON.stringify(ringKeyId)}, which the keyring lacks. Add it to \`keys\`.`,
        ringKeyId,
      );
    }
    const key = DataKey.unwrap(owner, id, ringKeyId, ringKey, wrapped);
    if (key === undefined) {
      throw new EncryptionKeyError(
        `The keyring's key ${JSON.stringify(ringKeyId)} is not the one that wrapped a data key, or the record was altered.`,
        ringKeyId,
      );
    }
    return { key, isOld: ringKeyId !== this.#settings.current };
  }
}

export const keyringSchema: () => z.ZodType<Keyring> = once(() =>
  z.instanceof(Keyring, "pass the result of keyring()"),
);

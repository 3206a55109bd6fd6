import { outside, type Subject } from "../diagnostics/operations.js";
import { Unreadable } from "../codec/unreadable.js";
import { EncryptionKeyError, LangChainRedisError, StoreUnavailableError } from "../errors.js";
import { textOrNothing, UnexpectedReply } from "../redis/replies.js";
import type { Sealer, Stored, Vault } from "../redis/sealing.js";
import { type Connection, inTime, read } from "../redis/send.js";
import { DataKey } from "./data-key.js";
import { type DataKeys, isElsewhere, type KeepDataKey } from "./data-keys.js";
import { type Envelope, readEnvelope } from "./envelope.js";
import type { Keyring } from "./keyring.js";
import { KNOWN_MILLISECONDS, type KnownKey, type KnownKeys } from "./known-keys.js";
import { asText, type Expected, type Opened, openPlain, openSealed } from "./opening.js";
import { KeySealer, PlainSealer } from "./sealers.js";

export type { Expected, Opened } from "./opening.js";

/** The form in which the data of an owner is stored. */
export interface StoredForm {
  readonly encryption: Keyring | undefined;
  readonly compress: boolean;
}

/** The owner of a data key, and where the key is held. */
export interface Holding extends Pick<Subject, "conversationId" | "agentId"> {
  /** The owner's name. It is not derived from a key of Redis, because the `keyPrefix` of a client may change. */
  readonly owner: string;
  /** The key of Redis that holds the data key, or a note that it is kept elsewhere. */
  readonly dataKey: string;
  /** The longest time that sealed data lives, in milliseconds; 0: it never expires. */
  readonly ttlMilliseconds: number;
}

/** Returns the connection for the data of one owner. */
export function connectionOf(given: Connection & StoredForm, holding: Holding): Connection {
  const { encryption, compress, client, deadlineMilliseconds, callMilliseconds, wait } = given;
  const { owner, conversationId, agentId } = holding;
  const isPlain = encryption === undefined && !compress;
  return {
    client,
    deadlineMilliseconds,
    callMilliseconds,
    wait,
    vault: isPlain ? undefined : new OwnerVault(encryption, compress, holding, given),
    subject: { owner, conversationId, agentId },
  };
}

/**
 * Opens values that were read over a connection. Takes a round trip if it needs a key that this process does not know.
 *
 * @throws EncryptionKeyError when the key ring cannot unwrap the owner's key.
 */
export function open(
  connection: Connection,
  stored: readonly Stored[],
  about: Expected | ((index: number) => Expected),
): readonly Opened[] | Promise<readonly Opened[]> {
  const { vault } = connection;
  const aboutOf = typeof about === "function" ? about : () => about;
  return vault instanceof OwnerVault
    ? vault.open(connection, stored, aboutOf)
    : stored.map((one, index) => openPlain(one, aboutOf(index)));
}

/** Returns a keyed digest for a comparison, or `""` if nothing was ever sealed for the owner. */
export function compared(connection: Connection, purpose: string, value: string): string | Promise<string> {
  const { vault } = connection;
  return vault instanceof OwnerVault ? vault.compared(connection, purpose, value) : "";
}

/** Forgets an owner's key that a script has destroyed, and destroys it where it is kept elsewhere. Safe to repeat. */
export async function forgetDestroyed({ vault, ...connection }: Connection, keyId: string): Promise<void> {
  if (vault instanceof OwnerVault) await vault.forgetDestroyed({ ...connection, vault }, keyId);
}

/** Returns the id of the owner's data key if it is kept elsewhere; otherwise `""`. */
export function keptElsewhere(connection: Connection): string | Promise<string> {
  const { vault } = connection;
  return vault instanceof OwnerVault ? vault.keptElsewhere(connection) : "";
}

/** Returns whether plain text is read and compared over this connection. */
export function acceptsPlaintext({ vault }: Connection): boolean {
  return !(vault instanceof OwnerVault) || vault.acceptsPlaintext;
}

/** Seals and opens the data of one owner. */
class OwnerVault implements Vault {
  readonly #ring: Keyring | undefined;
  readonly #compress: boolean;
  readonly #holding: Holding;
  readonly #known: KnownKeys | undefined;
  readonly keeper: PlainSealer;

  constructor(ring: Keyring | undefined, compress: boolean, holding: Holding, { client }: Connection) {
    this.#ring = ring;
    this.#compress = compress;
    this.#holding = holding;
    this.#known = ring?.knownOf(client);
    this.keeper = new PlainSealer(ring === undefined ? undefined : holding.dataKey, compress);
  }

  get seals(): boolean {
    return this.#ring?.seals ?? false;
  }

  async sealer(connection: Connection): Promise<Sealer> {
    const ring = this.#ring;
    if (ring === undefined || !ring.seals) return this.keeper;
    const { dataKey } = this.#holding;
    const known = this.#known?.get(dataKey) ?? (await this.#loadOrMake(connection, ring));
    return new KeySealer(known, dataKey, this.#compress);
  }

  accepted(sealer: Sealer): void {
    if (!(sealer instanceof KeySealer) || !sealer.hasSealed || sealer.known.state === "known") return;
    this.#known?.set(this.#holding.dataKey, { ...sealer.known, state: "known" });
  }

  async refused(connection: Connection, found: string): Promise<void> {
    const { dataKey } = this.#holding;
    this.#known?.delete(dataKey);
    if (this.#ring !== undefined) await this.#loadOrMake(connection, this.#ring, found);
  }

  async forgetDestroyed(connection: Connection, keyId: string): Promise<void> {
    const { owner, dataKey } = this.#holding;
    this.#known?.delete(dataKey);
    const dataKeys = this.#ring?.dataKeys;
    if (dataKeys === undefined) return;
    const kept = await elsewhere(connection, () => dataKeys.get(owner, this.#keep));
    if (kept?.startsWith(`${keyId} `)) await elsewhere(connection, () => dataKeys.destroy(owner, kept));
  }

  async keptElsewhere(connection: Connection): Promise<string> {
    const dataKeys = this.#ring?.dataKeys;
    if (dataKeys === undefined) return "";
    const kept = await elsewhere(connection, () => dataKeys.get(this.#holding.owner, this.#keep));
    return kept?.split(" ")[0] ?? "";
  }

  get acceptsPlaintext(): boolean {
    return this.#ring?.acceptsPlaintext ?? true;
  }

  async compared(connection: Connection, purpose: string, value: string): Promise<string> {
    if (this.#ring === undefined) return "";
    const known = this.#known?.get(this.#holding.dataKey) ?? (await this.#load(connection, this.#ring));
    return known?.key.digest(purpose, value) ?? "";
  }

  async open(
    connection: Connection,
    stored: readonly Stored[],
    aboutOf: (index: number) => Expected,
  ): Promise<readonly Opened[]> {
    const ring = this.#ring;
    if (ring === undefined) return stored.map((one, index) => openPlain(one, aboutOf(index)));
    const values = stored.map(asText);
    const envelopes = values.map((one) => (typeof one === "string" ? undefined : readEnvelope(one)));
    let known = this.#known?.get(this.#holding.dataKey);
    const isMissing = (one: Envelope | undefined): boolean =>
      one?.sealed !== undefined && one.sealed.keyId !== known?.key.id;
    if (envelopes.some(isMissing)) known = await this.#load(connection, ring);
    return values.map((one, index) => {
      const envelope = envelopes[index];
      const about = aboutOf(index);
      if (envelope?.sealed !== undefined) return openSealed(envelope, known?.key, about);
      if (!ring.acceptsPlaintext || about.isSealed) return new Unreadable("it is not sealed");
      return openPlain(one, about);
    });
  }

  /** Returns the owner's key, or `undefined` if there is none. */
  async #load(connection: Connection, ring: Keyring, found?: string): Promise<KnownKey | undefined> {
    const { owner, dataKey } = this.#holding;
    const { dataKeys } = ring;
    if (dataKeys !== undefined) {
      const kept = await elsewhere(connection, () => dataKeys.get(owner, this.#keep));
      return kept === undefined ? undefined : this.#learn(ring, ring.unwrap(owner, kept).key, "new");
    }
    const { client, deadlineMilliseconds, callMilliseconds, subject } = connection;
    const plain = { client, deadlineMilliseconds, callMilliseconds, subject };
    const record = found ?? (await read(plain, "data-key.read", [["get", dataKey]], recordOf)) ?? "";
    if (record === "" || record.endsWith(" -")) return undefined;
    if (isElsewhere(record)) {
      throw new EncryptionKeyError("The data key is kept elsewhere. Pass the `dataKeys` of the keyring that made it.");
    }
    const { key, isOld } = ring.unwrap(owner, record);
    return this.#learn(ring, key, isOld ? "rewrap" : "known");
  }

  /**
   * Returns the owner's key, or makes a new one. The script of the first write stores a new key, unless keys are kept
   * elsewhere.
   *
   * @param found the record that a script has just found instead of the known key.
   */
  async #loadOrMake(connection: Connection, ring: Keyring, found?: string): Promise<KnownKey> {
    const { owner, dataKey } = this.#holding;
    if (ring.dataKeys !== undefined) return this.#loadOrMakeElsewhere(connection, ring, ring.dataKeys, found);
    const there = await this.#load(connection, ring, found);
    // Another call may have made a key meanwhile.
    return there ?? this.#known?.get(dataKey) ?? this.#learn(ring, DataKey.random(owner), "new");
  }

  async #loadOrMakeElsewhere(connection: Connection, ring: Keyring, dataKeys: DataKeys, found = ""): Promise<KnownKey> {
    const { owner } = this.#holding;
    const keep = this.#keep;
    const [foundId = "", rest] = found.split(" ");
    let record = await elsewhere(connection, () => dataKeys.get(owner, keep));
    if (rest === "-" && record?.startsWith(`${foundId} `)) {
      // An interrupted erasure has already marked this key as dead, so finish it.
      const dead = record;
      await elsewhere(connection, () => dataKeys.destroy(owner, dead));
      record = undefined;
    }
    record ??= await elsewhere(connection, () => dataKeys.create(owner, ring.wrap(DataKey.random(owner)), keep));
    const { key, isOld } = ring.unwrap(owner, record);
    if (isOld) {
      const replaces = record;
      await elsewhere(connection, () => dataKeys.create(owner, ring.wrap(key), { ...keep, replaces }));
    }
    const isOther = rest === "elsewhere" && foundId !== key.id;
    return this.#learn(ring, key, isOther ? `over:${foundId}` : "new");
  }

  #learn(ring: Keyring, key: DataKey, state: KnownKey["state"]): KnownKey {
    const rest = ring.dataKeys === undefined ? ring.wrap(key).slice(key.id.length + 1) : "elsewhere";
    const known: KnownKey = { key, state, rest };
    this.#known?.set(this.#holding.dataKey, known);
    return known;
  }

  get #keep(): KeepDataKey {
    const { ttlMilliseconds } = this.#holding;
    if (ttlMilliseconds === 0) return { ttl: "never" };
    // Add the time for which processes use a known key without asking for it again.
    return { ttl: Math.ceil((ttlMilliseconds + 2 * KNOWN_MILLISECONDS) / 1_000) };
  }
}

/** Returns the record of a data key. On a client inside MULTI, every reply is "QUEUED", which is no record. */
function recordOf(reply: unknown): string | undefined {
  const record = textOrNothing(reply);
  if (record === "QUEUED") throw new UnexpectedReply();
  return record;
}

/** Calls the place where keys are kept elsewhere, within the deadline. */
export function elsewhere<Result>(connection: Connection, work: () => Promise<Result>): Promise<Result> {
  return inTime(connection, async () => {
    try {
      return await outside(work);
    } catch (error) {
      return unreachable(error);
    }
  });
}

/** Replaces an error of a key management service, because it may quote what the service was asked for. */
function unreachable(error: unknown): never {
  if (error instanceof LangChainRedisError) throw error;
  throw new StoreUnavailableError("The data keys could not be reached, so nothing was sealed, opened or written.", {
    indeterminate: false,
  });
}

import { InvalidOptionError } from "../errors.js";
import { Budget } from "../redis/budget.js";
import { digestOf } from "../options/digest.js";
import { appendItemScript } from "../redis/scripts/memory/append.js";
import { incrementScript } from "../redis/scripts/memory/increment.js";
import { readValuesScript } from "../redis/scripts/memory/read.js";
import { removeValuesScript } from "../redis/scripts/memory/remove.js";
import { usageScript } from "../redis/scripts/memory/usage.js";
import type { Stored } from "../redis/sealing.js";
import { run } from "../redis/send.js";
import {
  type AgentMemoryOptions,
  type AppendOptions,
  type MemoryWriteOptions,
  parseKey,
  parseMemoryOptions,
  parseMemoryWrite,
  type SetOptions,
} from "./options.js";
import { type Change, type Changed, changeValue } from "./change-value.js";
import { appended, incremented } from "./changes.js";
import { pages } from "./pages.js";
import { argumentsOf, holderOf, keysOf, keysOfWrite, perform } from "./perform.js";
import { type MemoryPlace, standalonePlace } from "./place.js";
import { openValue } from "./sealed-values.js";
import { newPadSecret, setValues, spelled } from "./set-values.js";
import { fitted, type StandardSchema } from "./standard-schema.js";
import {
  decodeEntry,
  decodeValue,
  type EncodedValue,
  encodeValue,
  type MemoryEntry,
  type OpenedValue,
} from "./values.js";

/** The most keys of one call. A script blocks Redis while it runs, and this many keep it busy for tens of milliseconds. */
const MAX_KEYS = 10_000;
/** The most characters of one write. Node cannot build a command of more than about 512 MB. */
const MAX_WRITE_CHARACTERS = 134_217_728;

/** The size of a namespace, and the number of writes today. Expired values do not count. */
export interface MemoryUsage {
  /** The number of writes since midnight UTC, by the server's clock. */
  readonly writesToday: number;
  /** The size of all keys and values in bytes of UTF-8, with the values as JSON. */
  readonly storageBytes: number;
  /** The number of keys. */
  readonly keys: number;
}

/**
 * Keeps what an agent learns: JSON values under keys, in a namespace that is separate from all others. Values live for ever,
 * or for their `ttl`.
 *
 * - Each call takes one round trip and settles within `deadline`. `update` takes two for each attempt, `entries` one for
 *   each page. With `encryption`, `increment` and `append` also take two for each attempt, because only the client can
 *   read the value. A client that has not read the data key yet takes one more.
 * - Each write takes effect whole and once, even if its reply is lost or the caller repeats it with its `operationId`.
 * - `update`, `increment`, `append` and `set(…, { ifVersion })` lose no update, however many clients write at once.
 * - The script that writes checks `limits`. Beyond one of them it changes nothing, and the call throws a
 *   QuotaExceededError.
 *
 * A key is any non-empty well-formed string of up to 1 KiB of UTF-8. `SessionStore.memory()` returns the memory of a
 * session. Its calls throw a SessionNotFoundError once the session is no longer live.
 *
 * @example
 * ```ts
 * const memory = new AgentMemory({ client, namespace: "ada" });
 * await memory.set("language", "French");
 * await memory.get("language", z.string()); // "French", in any process, until someone changes it
 * ```
 */
export class AgentMemory {
  readonly #place: MemoryPlace;

  /** @throws InvalidOptionError if an option is missing, unknown or invalid. */
  constructor(options: AgentMemoryOptions);
  /** @internal Creates the memory of a session. */
  constructor(place: MemoryPlace);
  constructor(from: AgentMemoryOptions | MemoryPlace) {
    this.#place = isPlace(from) ? from : standalonePlace(parseMemoryOptions(from));
  }

  /**
   * Returns the value, or `undefined` if there is none.
   *
   * @throws what {@link entry} throws.
   */
  get(key: string): Promise<unknown>;
  /**
   * Returns the value as the output of a Standard Schema (zod, valibot, arktype …), or `undefined` if there is none.
   *
   * @throws ValueMismatchError if the value does not match the schema. The error names the key and the paths at fault.
   * @throws what {@link entry} throws.
   *
   * @example
   * ```ts
   * const language = await memory.get("language", z.string());
   * ```
   */
  get<Output>(key: string, schema: StandardSchema<Output>): Promise<Output | undefined>;
  async get(key: string, schema?: StandardSchema): Promise<unknown> {
    const found = await this.entry(key);
    return found === undefined || schema === undefined ? found?.value : fitted(key, found.value, schema);
  }

  /**
   * Returns the value with its version, for `set(…, { ifVersion })`, and the time at which it expires. Returns `undefined` if
   * there is no value.
   *
   * @throws CorruptMessageError if the value was altered, was sealed for another place, or cannot be opened without
   * `encryption`.
   * @throws EncryptionKeyError if the ring lacks the key.
   * @throws StoreUnavailableError if Redis did not answer within the deadline.
   */
  async entry(key: string): Promise<MemoryEntry | undefined> {
    const [stored] = await this.#read("whole", [parseKey(key)]);
    return stored === undefined ? undefined : decodeEntry(key, await openValue(this.#place, key, stored));
  }

  /**
   * Returns the existing values of up to 10,000 keys, by key. One script reads them all, so they are of the same moment.
   *
   * @throws what {@link entry} throws.
   */
  getMany(keys: readonly string[]): Promise<Map<string, unknown>>;
  /**
   * Returns the existing values, by key, each as the output of a Standard Schema.
   *
   * @throws ValueMismatchError if one of the values does not match the schema.
   * @throws what {@link entry} throws.
   *
   * @example
   * ```ts
   * const values = await memory.getMany(["language", "city"], z.string());
   * const city = values.get("city");
   * ```
   */
  getMany<Output>(keys: readonly string[], schema: StandardSchema<Output>): Promise<Map<string, Output>>;
  async getMany(keys: readonly string[], schema?: StandardSchema): Promise<Map<string, unknown>> {
    if (!Array.isArray(keys)) throw new InvalidOptionError("keys", "pass an array of strings.");
    assertAtMost(keys.length, MAX_KEYS, "keys", "keys a call");
    const stored = await this.#read("whole", keys.map(parseKey));
    const found = new Map<string, unknown>();
    for (const [index, key] of keys.entries()) {
      const one = stored[index];
      if (one === undefined) continue;
      const opened = openValue(this.#place, key, one);
      const { json } = opened instanceof Promise ? await opened : opened;
      const value = decodeValue(key, json);
      found.set(key, schema === undefined ? value : await fitted(key, value, schema));
    }
    return found;
  }

  /** Returns `true` if there is a value. */
  async has(key: string): Promise<boolean> {
    const [header] = await this.#read("header", [parseKey(key)]);
    return header !== undefined;
  }

  /**
   * Stores a value under a key, and replaces the value that was there.
   *
   * @param value any value that JSON can represent. Other values (`undefined`, functions, BigInt, dates and other
   * instances of classes, cycles, NaN …) are refused.
   * @returns the version of the value.
   * @throws InvalidOptionError if the value, the key or an option is invalid. It names the path. Nothing was sent.
   * @throws VersionConflictError if `ifVersion` is given and the value has another version. Nothing was changed.
   * @throws QuotaExceededError if the write would exceed one of the `limits`. Nothing was changed.
   * @throws OperationConflictError if another write had this `operationId`. Nothing was changed.
   * @throws StorageFullError if Redis is out of memory. Nothing was changed.
   * @throws StoreUnavailableError otherwise. If it is `indeterminate`, repeat the call with its `operationId`.
   *
   * @example
   * ```ts
   * const { version } = await memory.set("language", "French");
   * await memory.set("language", "German", { ifVersion: version }); // throws if another write came between
   * ```
   */
  async set(key: string, value: unknown, options?: SetOptions): Promise<{ version: number }> {
    return this.#set([[parseKey(key), encodeValue("value", value)]], parseMemoryWrite(options, "ifVersion"));
  }

  /**
   * Stores up to 10,000 values, all or none, as `set` does. Each counts as one write, and all get the same version.
   *
   * @returns the version of the values.
   * @throws what {@link set} throws.
   *
   * @example
   * ```ts
   * await memory.setMany({ language: "French", city: "Paris" });
   * ```
   */
  async setMany(
    entries: ReadonlyMap<string, unknown> | Readonly<Record<string, unknown>>,
    options?: MemoryWriteOptions,
  ): Promise<{ version: number }> {
    if (typeof entries !== "object" || entries === null || Array.isArray(entries)) {
      throw new InvalidOptionError("entries", "pass a Map or an object.");
    }
    const pairs = entries instanceof Map ? [...entries] : Object.entries(entries);
    if (pairs.length === 0) throw new InvalidOptionError("entries", "pass at least one value.");
    assertAtMost(pairs.length, MAX_KEYS, "entries", "values a call");
    return this.#set(
      pairs.map(([key, value]) => [parseKey(key), encodeValue(key, value)] as const),
      parseMemoryWrite(options),
    );
  }

  /**
   * Reads a value, passes it to a function, and stores what the function returns. If another write comes between, the
   * function is called again with the new value, until the deadline. The function receives `undefined` if there is no value.
   * If it returns `undefined`, nothing is written. The function's own time does not count towards the deadline.
   *
   * @returns the version of the value afterwards, or 0 if there is no value.
   * @throws ValueMismatchError if the current value does not match the schema.
   * @throws VersionConflictError if other writes came between until the deadline.
   * @throws what {@link set} throws.
   *
   * @example
   * ```ts
   * await memory.update("visits", (visits = 0) => visits + 1, { schema: z.number() });
   * ```
   */
  update<Output>(
    key: string,
    change: (current: Output | undefined) => unknown,
    options: MemoryWriteOptions & { schema: StandardSchema<Output> },
  ): Promise<{ version: number }>;
  update(
    key: string,
    change: (current: unknown) => unknown,
    options?: MemoryWriteOptions,
  ): Promise<{ version: number }>;
  async update(
    key: string,
    change: (current: unknown) => unknown,
    options: MemoryWriteOptions & { schema?: StandardSchema } = {},
  ): Promise<{ version: number }> {
    const { schema, ...write } = options;
    const { operationId, lifetime = "keep" } = parseMemoryWrite(write);
    if (typeof change !== "function") throw new InvalidOptionError("change", "pass a function of the current value.");
    const version = await changeValue(new Budget(this.#place.connection), this.#place, {
      key: parseKey(key),
      operationId,
      parts: ["update", key],
      lifetime,
      change: async (current) => {
        const value = current === undefined ? undefined : decodeValue(key, current.json);
        const isFit = current === undefined || schema === undefined;
        const next = await change(isFit ? value : await fitted(key, value, schema));
        return next === undefined ? undefined : encodeValue("value", next);
      },
    });
    return { version };
  }

  /**
   * Adds `by` to a whole number. A missing value counts as 0. For fractions, which do not add up exactly, use `update`.
   *
   * @returns the sum.
   * @throws ValueMismatchError if the value is not a whole number, or the sum is not a safe integer.
   * @throws VersionConflictError, only with `encryption`, if other writes came between until the deadline.
   * @throws what {@link set} throws.
   *
   * @example
   * ```ts
   * const visits = await memory.increment("visits");
   * ```
   */
  async increment(key: string, by: number = 1, options?: MemoryWriteOptions): Promise<number> {
    if (!Number.isSafeInteger(by)) {
      throw new InvalidOptionError("by", "use a safe integer; for fractions use update().");
    }
    const { operationId, lifetime = "keep" } = parseMemoryWrite(options);
    const parts = ["increment", parseKey(key), String(lifetime), String(by)];
    const { space } = this.#place;
    const change = (current: OpenedValue | undefined): Changed => incremented(key, current, by);
    return this.#calculate({ key, operationId, parts, lifetime, change }, (budget, digest) =>
      perform(budget, incrementScript, {
        operationId,
        subject: key,
        keys: keysOfWrite(space, operationId),
        sealedFor: space.ttlMilliseconds,
        arguments: { digest, key, by, lifetime: spelled(lifetime), fresh: newPadSecret(), ...argumentsOf(space) },
      }),
    );
  }

  /**
   * Appends an item to an array. A missing value counts as an empty array. With `max`, the oldest items beyond it are
   * removed.
   *
   * @returns the length of the array.
   * @throws ValueMismatchError if the value is not an array.
   * @throws VersionConflictError, only with `encryption`, if other writes came between until the deadline.
   * @throws what {@link set} throws.
   *
   * @example
   * ```ts
   * await memory.append("topics", "Rome", { max: 100 });
   * ```
   */
  async append(key: string, item: unknown, options?: AppendOptions): Promise<number> {
    const { operationId, lifetime = "keep", max } = parseMemoryWrite(options, "max");
    const { json } = encodeValue("item", item);
    assertAtMost(json.length, MAX_WRITE_CHARACTERS, "item", "characters of JSON a write");
    const parts = ["append", parseKey(key), String(lifetime), String(max), json];
    const { space } = this.#place;
    const change = (current: OpenedValue | undefined): Changed => appended(key, current, json, max);
    return this.#calculate({ key, operationId, parts, lifetime, change }, (budget, digest) =>
      perform(budget, appendItemScript, {
        operationId,
        subject: key,
        keys: keysOfWrite(space, operationId),
        sealedFor: space.ttlMilliseconds,
        arguments: {
          digest,
          key,
          item: json,
          max,
          lifetime: spelled(lifetime),
          fresh: newPadSecret(),
          ...argumentsOf(space),
        },
      }),
    );
  }

  /**
   * Removes a value. No limit applies, and it also works when Redis is out of memory.
   *
   * @returns `true` if there was a value.
   * @throws OperationConflictError if another write had this `operationId`. Nothing was changed.
   * @throws StoreUnavailableError otherwise. If it is `indeterminate`, repeat the call with its `operationId`.
   */
  async delete(key: string, options?: Pick<MemoryWriteOptions, "operationId">): Promise<boolean> {
    return this.#remove(parseKey(key), options);
  }

  /**
   * Removes all values at once. The count of today's writes stays. Without a session, the namespace has its own data key,
   * which expires some minutes later, unless a write seals a value with it again. A data key that is kept elsewhere
   * (`dataKeys`) stays there. Throws what {@link delete} throws.
   */
  async clear(options?: Pick<MemoryWriteOptions, "operationId">): Promise<void> {
    await this.#remove(undefined, options);
  }

  /**
   * Yields all values, in no particular order, and reads them in pages of about a hundred. This is not a snapshot: others may
   * write meanwhile. A value that exists from the beginning to the end is yielded once. A value that is added or removed
   * meanwhile is yielded once or not at all. A failover of Redis meanwhile can hide some values.
   *
   * @throws what {@link entry} throws.
   *
   * @example
   * ```ts
   * for await (const { key, value } of memory.entries()) console.log(key, value);
   * ```
   */
  async *entries(): AsyncGenerator<MemoryEntry, void, undefined> {
    for await (const [key, stored] of pages(this.#place, "whole")) {
      const opened = openValue(this.#place, key, stored);
      yield decodeEntry(key, opened instanceof Promise ? await opened : opened);
    }
  }

  /** Yields all keys, in the way in which {@link entries} yields the values. */
  async *keys(): AsyncGenerator<string, void, undefined> {
    for await (const [key] of pages(this.#place, "header")) yield key;
  }

  /**
   * Returns the size of the namespace, and the number of writes today. Takes one round trip, or more if hundreds of values
   * have expired since the last call or write.
   */
  async usage(): Promise<MemoryUsage> {
    const { connection, space } = this.#place;
    const budget = new Budget(connection);
    const call = { keys: keysOf(space), arguments: holderOf(space) };
    for (;;) {
      const { uncertain, storageBytes, keys, writesToday } = await run(budget.connection(), usageScript, call);
      if (!uncertain) return { storageBytes, keys, writesToday };
    }
  }

  async #read(part: "whole" | "header", wanted: readonly string[]): Promise<readonly (Stored | undefined)[]> {
    const { connection, space } = this.#place;
    const call = { keys: keysOf(space), arguments: { part, wanted, ...holderOf(space) } };
    return (await run(connection, readValuesScript, call)).stored;
  }

  async #set(
    values: readonly (readonly [key: string, value: EncodedValue])[],
    { operationId, lifetime = 0, ifVersion }: ReturnType<typeof parseMemoryWrite>,
  ): Promise<{ version: number }> {
    const entries = values.map(([key, value]) => ({ key, ...value }));
    const texts = entries.flatMap(({ key, json }) => [key, json]);
    const length = texts.reduce((sum, text) => sum + text.length, 0);
    assertAtMost(length, MAX_WRITE_CHARACTERS, "value", "characters of JSON a write");
    const parts = ["set", String(ifVersion ?? ""), String(lifetime), ...texts];
    const { connection, space } = this.#place;
    const write = { operationId, parts, expected: ifVersion, lifetime, entries };
    return { version: await setValues(new Budget(connection), space, write) };
  }

  async #remove(key: string | undefined, options: MemoryWriteOptions | undefined): Promise<boolean> {
    const { operationId, lifetime } = parseMemoryWrite(options);
    if (lifetime !== undefined) throw new InvalidOptionError("ttl", "a removal takes no ttl; leave it out.");
    const digest = key === undefined ? digestOf("clear") : digestOf("delete", key);
    const { connection, space } = this.#place;
    const scope: "all" | "one" = key === undefined ? "all" : "one";
    const { result } = await perform(new Budget(connection), removeValuesScript, {
      operationId,
      subject: key ?? "",
      keys: keysOfWrite(space, operationId),
      sealedFor: space.ttlMilliseconds,
      arguments: { digest, scope, key: key ?? "", ...argumentsOf(space) },
    });
    return result === "1";
  }

  /** Changes a value in the script, or in the client if the value is sealed or has to be sealed. */
  async #calculate(
    change: Change,
    inScript: (
      budget: Budget,
      digest: string,
    ) => Promise<{ readonly outcome: "sealed" } | { readonly outcome: "done" | "repeated"; readonly result: Stored }>,
  ): Promise<number> {
    const budget = new Budget(this.#place.connection);
    if (!this.#place.connection.vault?.seals) {
      const reply = await inScript(budget, digestOf(...change.parts));
      if (reply.outcome !== "sealed") return Number(reply.result);
    }
    return changeValue(budget, this.#place, change);
  }
}

function isPlace(from: AgentMemoryOptions | MemoryPlace): from is MemoryPlace {
  return typeof from === "object" && from !== null && "space" in from && "connection" in from;
}

function assertAtMost(length: number, most: number, option: string, of: string): void {
  if (length > most) throw new InvalidOptionError(option, `use at most ${most} ${of}.`);
}

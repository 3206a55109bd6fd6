import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { AgentMemory, type MemoryLimits, LangChainRedisError } from "langchain-redis-sessions";
import type { Keyring } from "../../../src/encryption/keyring.js";
import type { Client } from "../../support/topologies.js";
import { freshId } from "../../support/turns.js";
import { StoredMemory } from "./stored-memory.js";

// oxfmt-ignore
export const steps = [
  "set", "set", "setMany", "setIfVersion", "setIfVersion", "get", "getMany", "has", "delete", "update",
  "increment", "increment", "append", "append", "expire", "repeat", "usage", "refused", "nextDay", "clear",
] as const;

export interface Step {
  readonly what: (typeof steps)[number];
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

interface Known {
  readonly value: unknown;
  /** Absent: not told yet, and above `floor`. */
  readonly version?: number | undefined;
  readonly floor: number;
  readonly expires: boolean;
}

const keys = [
  "a",
  "b",
  "list",
  "n",
  "__proto__",
  "constructor",
  "ключ",
  "a}:values",
  "x".repeat(100),
  " ",
  "*",
  "\u0000",
];
// oxfmt-ignore
const values: readonly unknown[] = [
  0, 7, -1, 1.5, Number.MAX_SAFE_INTEGER, "", "x", "ü".repeat(20), "[1,2]", true, null, [], {}, [[]], [1, "a,]", {}],
  { "}": [{}] }, ["\\", '"', '\\"'], JSON.parse('{"__proto__":{"a":1}}'), "long".repeat(60), [0, 1, 2, 3, 4, 5, 6, 7, 8],
];
const quotas: readonly MemoryLimits[] = [
  {},
  { keys: 6 },
  { storageBytes: 300 },
  { valueBytes: 60 },
  { writesPerDay: 15 },
  { keys: 8, storageBytes: 500, valueBytes: 230, writesPerDay: 60 },
];

function today(): number {
  return Math.floor(Date.now() / 86_400_000);
}

function sizeOf(key: string, value: unknown): number {
  return Buffer.byteLength(key) + Buffer.byteLength(JSON.stringify(value));
}

/** What a namespace should hold: a Map, and rules in a few lines. Each step is taken on both, and compared. */
export class MemoryModel {
  readonly outcomes = new Set<string>();
  /** They take turns: each as another process would be, that stores values in its own form. */
  readonly #memories: readonly AgentMemory[];
  #turn = 0;
  readonly #stored: StoredMemory;
  readonly #limits: MemoryLimits;
  readonly #map = new Map<string, Known>();
  #latest = 0;
  #writes = 0;
  #day = today();
  /** The latest write that took effect, to be repeated. */
  #again: (() => Promise<void>) | undefined;

  constructor(client: Client, keyPrefix: string, kind: number, encryptions: readonly (Keyring | undefined)[]) {
    const namespace = freshId();
    this.#limits = quotas[kind % quotas.length] ?? {};
    const options = { client, keyPrefix, namespace, limits: this.#limits, deadline: "60s" } as const;
    this.#memories = encryptions.map((encryption) => new AgentMemory({ ...options, encryption }));
    this.#stored = new StoredMemory(client, keyPrefix, namespace);
  }

  get storedKeys(): string[] {
    return this.#stored.all();
  }

  async take({ what, a, b, c }: Step): Promise<void> {
    const memory = this.#next();
    const key = keys[a % keys.length] ?? "a";
    const value = values[b % values.length];
    const known = this.#map.get(key);
    const ttl = c % 3 === 0 ? ("1h" as const) : undefined;
    const options = { ttl, operationId: freshId() };
    switch (what) {
      case "set":
        return this.#write(what, [[key, value]], () => memory.set(key, value, options), ttl ?? "none");
      case "setMany": {
        const entries = [0, 1, 2]
          .slice(0, 1 + (c % 3))
          .map((more) => [keys[(a + more) % keys.length] ?? "a", value] as const);
        return this.#write(what, entries, () => memory.setMany(new Map(entries), options), ttl ?? "none");
      }
      case "setIfVersion": {
        const ifVersion = [0, known?.version ?? 0, this.#latest, 1][c % 4] ?? 0;
        const fits = ifVersion === 0 ? !known : ifVersion === (await this.#versionOf(key));
        const call = (): Promise<unknown> => memory.set(key, value, { ...options, ifVersion });
        return this.#write(what, [[key, value]], call, ttl ?? "none", fits ? undefined : "VERSION_CONFLICT");
      }
      case "update": {
        const next = c % 5 === 0 ? undefined : [known?.value ?? null, value];
        if (next !== undefined)
          return this.#write(
            what,
            [[key, next]],
            () => memory.update(key, (now) => [now ?? null, value], options),
            ttl,
          );
        equal(await memory.update(key, () => undefined, options), { version: await this.#versionOf(key) });
        return undefined;
      }
      case "increment": {
        const by = b % 2 === 0 ? c - 500 : Number.MAX_SAFE_INTEGER;
        const sum = known === undefined ? by : typeof known.value === "number" ? known.value + by : Number.NaN;
        const held = known?.value ?? 0;
        const fits = Number.isSafeInteger(held) && Number.isSafeInteger(sum);
        const call = async (): Promise<unknown> => equal(await memory.increment(key, by, options), sum);
        return this.#write(what, [[key, sum]], call, ttl, fits ? undefined : "VALUE_MISMATCH");
      }
      case "append": {
        const max = b % 2 === 0 ? undefined : 1 + (c % 5);
        const held = known === undefined ? [] : Array.isArray(known.value) ? (known.value as unknown[]) : undefined;
        const next = [...(held ?? []), value].slice(-(max ?? 1_000));
        const call = async (): Promise<unknown> =>
          equal(await memory.append(key, value, { ...options, max }), next.length);
        return this.#write(what, [[key, next]], call, ttl, held ? undefined : "VALUE_MISMATCH");
      }
      case "delete":
        equal(await memory.delete(key), known !== undefined);
        this.#map.delete(key);
        return undefined;
      case "clear":
        if (c % 4 > 0) return undefined;
        await memory.clear();
        this.#map.clear();
        return undefined;
      case "get":
        equal(await memory.get(key), known?.value);
        return undefined;
      case "getMany": {
        const found = await memory.getMany(keys);
        equal(found, new Map(keys.flatMap((one) => (this.#map.has(one) ? [[one, this.#map.get(one)?.value]] : []))));
        return undefined;
      }
      case "has":
        equal(await memory.has(key), known !== undefined);
        return undefined;
      case "expire":
        for (const [one, { expires }] of this.#map) {
          if (!expires || (c % 2 === 0 && one !== key)) continue;
          await this.#stored.expire(one);
          this.#map.delete(one);
        }
        return undefined;
      case "repeat":
        return this.#again?.();
      case "refused":
        equal(await codeOf(memory.set(key, { value, bad: undefined })), "INVALID_OPTION");
        return undefined;
      case "nextDay":
        if (c % 3 > 0) return undefined;
        await this.#stored.nextDay();
        this.#writes = 0;
        return undefined;
      case "usage":
        return this.#compareUsage();
    }
  }

  #next(): AgentMemory {
    this.#turn += 1;
    return this.#memories[this.#turn % this.#memories.length] ?? this.#next();
  }

  /** All that can be seen, and what it says of its own size. */
  async compare(): Promise<void> {
    const found = new Map<string, unknown>();
    for await (const { key, value, version, expiresAt } of this.#next().entries()) {
      found.set(key, value);
      this.#learn(key, version);
      equal(expiresAt !== undefined, this.#map.get(key)?.expires, "expires");
    }
    equal(found, new Map([...this.#map].map(([key, { value }]) => [key, value])));
    await this.#compareUsage();
    const { recorded, actual } = await this.#stored.bytes();
    equal(recorded, actual);
    equal(actual, this.#bytes());
  }

  /** A run may go on past midnight. */
  #followTheDay(): void {
    if (this.#day !== today()) this.#writes = 0;
    this.#day = today();
  }

  async #compareUsage(): Promise<void> {
    this.#followTheDay();
    const expected = { writesToday: this.#writes, storageBytes: this.#bytes(), keys: this.#map.size };
    equal(await this.#next().usage(), expected);
  }

  async #write(
    what: string,
    entries: readonly (readonly [string, unknown])[],
    call: () => Promise<unknown>,
    ttl: string | undefined,
    refusal?: string,
  ): Promise<void> {
    this.#followTheDay();
    const expected = refusal ?? this.#overQuota(entries);
    let result: unknown;
    const outcome = await codeOf(call().then((returned) => (result = returned)));
    this.outcomes.add(`${what}: ${outcome}`);
    equal(outcome, expected ?? "ok", what);
    if (expected !== undefined) return;
    this.#writes += entries.length;
    const version = versionIn(result);
    const floor = this.#latest;
    for (const [key, value] of entries) {
      const expires = ttl === undefined ? (this.#map.get(key)?.expires ?? false) : ttl !== "none";
      this.#map.set(key, { value, expires, floor, version: undefined });
      if (version !== undefined) this.#learn(key, version);
    }
    // Repeated whenever the latest step was, so that other writes are in between: nothing changes, and the answer is that of then.
    this.#again = async () => {
      equal(await call(), result, `${what} again`);
    };
  }

  #overQuota(entries: readonly (readonly [string, unknown])[]): string | undefined {
    const { keys: most, storageBytes, valueBytes, writesPerDay } = this.#limits;
    const after = new Map([...this.#map].map(([key, { value }]) => [key, value]));
    const largest = Math.max(...entries.map(([key, value]) => sizeOf(key, value) - Buffer.byteLength(key)));
    for (const [key, value] of entries) after.set(key, value);
    const bytes = [...after].reduce((sum, [key, value]) => sum + sizeOf(key, value), 0);
    const over =
      (valueBytes !== undefined && largest > valueBytes) ||
      (writesPerDay !== undefined && this.#writes + entries.length > writesPerDay) ||
      (most !== undefined && after.size > this.#map.size && after.size > most) ||
      (storageBytes !== undefined && bytes > this.#bytes() && bytes > storageBytes);
    return over ? "QUOTA_EXCEEDED" : undefined;
  }

  async #versionOf(key: string): Promise<number> {
    const known = this.#map.get(key);
    if (known === undefined) return 0;
    this.#learn(key, (await this.#next().entry(key))?.version ?? 0);
    return this.#map.get(key)?.version ?? 0;
  }

  #learn(key: string, version: number): void {
    const known = this.#map.get(key);
    if (known === undefined) throw new Error(`${JSON.stringify(key)} should not be there.`);
    if (known.version !== undefined) equal(version, known.version, "version");
    ok(version > known.floor || version === known.version, "version");
    this.#map.set(key, { ...known, version });
    this.#latest = Math.max(this.#latest, version);
  }

  #bytes(): number {
    return [...this.#map].reduce((sum, [key, { value }]) => sum + sizeOf(key, value), 0);
  }
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "ok";
  } catch (error) {
    if (error instanceof LangChainRedisError) return error.code;
    throw error;
  }
}

function versionIn(result: unknown): number | undefined {
  return typeof result === "object" && result !== null && "version" in result ? Number(result.version) : undefined;
}

import { memoryKeys, type MemoryKeys } from "../../../src/redis/keys.js";
import { HEADER_BYTES, SEALED_MARK, SIZE_DIGITS } from "../../../src/redis/scripts/fragments/memory.js";
import type { Client } from "../../support/topologies.js";

/** A namespace as it lies in Redis, looked at and changed with plain commands. */
export class StoredMemory {
  readonly keys: MemoryKeys;
  readonly #client: Client;

  constructor(client: Client, keyPrefix: string, namespace: string) {
    this.#client = client;
    this.keys = memoryKeys(keyPrefix, namespace);
  }

  /** Moves the deadline of a value to the past, as if its time were over. */
  async expire(key: string): Promise<void> {
    const past = String(Date.now() - 3_600_000).padStart(13, "0");
    const stored = (await this.#client.hgetBuffer(this.keys.values, key)) ?? Buffer.alloc(0);
    stored.write(past, 17);
    await this.#client.multi().hset(this.keys.values, key, stored).zadd(this.keys.deadlines, past, key).exec();
  }

  /** As if today's writes had been yesterday's. */
  async nextDay(): Promise<void> {
    if ((await this.#client.exists(this.keys.writes)) === 1) await this.#client.hincrby(this.keys.writes, "day", -1);
  }

  /** What the accounting says, and what there is. */
  async bytes(): Promise<{ recorded: number; actual: number }> {
    const stored = await this.#client.hgetallBuffer(this.keys.values);
    const actual = Object.entries(stored).reduce(
      (sum, [key, value]) => sum + Buffer.byteLength(key) + sizeOf(value),
      0,
    );
    return { recorded: Number((await this.#client.hget(this.keys.usage, "bytes")) ?? 0), actual };
  }

  all(): string[] {
    return [this.keys.values, this.keys.deadlines, this.keys.usage, this.keys.writes];
  }
}

/** Returns the bytes of a value's JSON. In front of what is sealed stands how many there are. */
function sizeOf(stored: Buffer): number {
  const value = stored.subarray(HEADER_BYTES);
  return value.at(0) === SEALED_MARK.charCodeAt(0)
    ? Number(value.toString("latin1", 1, 1 + SIZE_DIGITS))
    : value.length;
}

import type { Redis } from "ioredis";

/** Returns the keys under a prefix. Of a test's own server, or of one that holds only what tests hold. */
export async function keysUnder(client: Redis, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for (let cursor = "0", first = true; first || cursor !== "0"; first = false) {
    const [next, found] = await client.scan(cursor, "MATCH", `${prefix}*`, "COUNT", 1_000);
    keys.push(...found);
    cursor = next;
  }
  return [...new Set(keys)].toSorted();
}

/** Returns what all keys under a prefix take, in bytes. */
export async function bytesUnder(client: Redis, prefix: string): Promise<number> {
  const keys = await keysUnder(client, prefix);
  const sizes = await Promise.all(keys.map((key) => client.memory("USAGE", key, "SAMPLES", 0)));
  return sizes.reduce<number>((sum, size) => sum + Number(size), 0);
}

import type { Redis } from "ioredis";

/** Every key of a server, with all that is stored under it, as one text each. */
export async function storedTexts(client: Redis): Promise<string[]> {
  const texts: string[] = [];
  for (const key of await client.keys("*")) texts.push(JSON.stringify([key, await valueOf(client, key)]));
  return texts;
}

async function valueOf(client: Redis, key: string): Promise<unknown> {
  const type = await client.type(key);
  if (type === "string") return client.get(key);
  if (type === "hash") return client.hgetall(key);
  if (type === "list") return client.lrange(key, 0, -1);
  if (type === "zset") return client.zrange(key, "0", "-1", "WITHSCORES");
  if (type === "none") return undefined;
  throw new Error(`a ${type}: say here how it is read`);
}

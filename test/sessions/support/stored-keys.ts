import type { Client } from "../../support/topologies.js";

/** All keys that a pattern matches, on every server. */
export async function storedKeys(client: Client, pattern: string): Promise<string[]> {
  const nodes = "nodes" in client ? client.nodes("master") : [client];
  return (await Promise.all(nodes.map((node) => node.keys(pattern)))).flat();
}

export async function removeKeys(client: Client, pattern: string): Promise<void> {
  const nodes = "nodes" in client ? client.nodes("master") : [client];
  for (const node of nodes) {
    const pipeline = node.pipeline();
    for (const key of await node.keys(pattern)) pipeline.unlink(key);
    await pipeline.exec();
  }
}

/** What each key's PTTL says: -1 without an expiry, -2 when it is gone. */
export async function lifetimes(client: Client, keys: readonly string[]): Promise<number[]> {
  return Promise.all(keys.map((key) => client.pttl(key)));
}

/** Moves a session back in time, as if so many milliseconds had passed since all that is written in its record. */
export async function age(client: Client, record: string, milliseconds: number): Promise<void> {
  const expiry = await client.pexpiretime(record);
  await client.hincrby(record, "activeAt", -milliseconds);
  await client.hincrby(record, "until", -milliseconds);
  await client.pexpireat(record, expiry - milliseconds);
}

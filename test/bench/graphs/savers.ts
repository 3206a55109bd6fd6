import { type BaseCheckpointSaver, MemorySaver } from "@langchain/langgraph-checkpoint";
import { Redis } from "ioredis";
import { RedisSaver } from "langchain-redis-sessions/langgraph";
import { installed, OFFICIAL, officialSaver, SQLITE, sqliteSaver } from "../../savers/peers.js";
import { OURS } from "../workloads/names.js";

export const MEMORY_SAVER = "MemorySaver";
export { OFFICIAL, SQLITE } from "../../savers/peers.js";

/** A saver that an agent is measured with. */
export interface MeasuredSaver {
  readonly name: string;
  readonly saver: BaseCheckpointSaver;
  /** Undefined for what is not on Redis. */
  readonly client: Redis | undefined;
  /** The bytes that it keeps. */
  readonly bytes: () => Promise<number>;
  readonly close: () => void;
}

type Open = (url: string) => Promise<MeasuredSaver>;

const ours: Open = async (url) =>
  onRedis(OURS, url, async (client) => new RedisSaver({ client, keyPrefix: `bench-${crypto.randomUUID()}` }));

const official: Open = async (url) => onRedis(OFFICIAL, url, officialSaver);

const memory: Open = async () => {
  const saver = new MemorySaver();
  return {
    name: MEMORY_SAVER,
    saver,
    client: undefined,
    bytes: async () => bytesIn([saver.storage, saver.writes]),
    close: () => {},
  };
};

const sqlite: Open = async () => {
  const saver = await sqliteSaver();
  const pragma = (name: string): number => saver.db.pragma(name, { simple: true });
  return {
    name: SQLITE,
    saver,
    client: undefined,
    bytes: async () => pragma("page_count") * pragma("page_size"),
    close: () => {},
  };
};

/** Those that keep checkpoints on a Redis. The official one is there when its package is installed. */
export const redisSavers: readonly Open[] = [ours, ...(installed ? [official] : [])];
export const allSavers: readonly Open[] = [memory, ...(installed ? [sqlite] : []), ...redisSavers];

async function onRedis(
  name: string,
  url: string,
  make: (client: Redis) => Promise<BaseCheckpointSaver>,
): Promise<MeasuredSaver> {
  const client = new Redis(url);
  return { name, saver: await make(client), client, bytes: () => usage(client), close: () => client.disconnect() };
}

/** `MEMORY USAGE` of every key of the server. */
async function usage(client: Redis): Promise<number> {
  const keys = await client.keys("*");
  const sizes = await Promise.all(keys.map((key) => client.memory("USAGE", key, "SAMPLES", 0)));
  return sizes.reduce<number>((sum, size) => sum + Number(size), 0);
}

function bytesIn(value: unknown): number {
  if (value instanceof Uint8Array) return value.byteLength;
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce<number>((sum, part) => sum + bytesIn(part), 0);
}

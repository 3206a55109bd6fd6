import { RedisChatMessageHistory as RedisPackageHistory } from "@langchain/redis";
import { Redis } from "ioredis";
import { createClient } from "redis";

/** One connection each: what the candidates are given. */
export interface Clients {
  readonly ioredis: Redis;
  /** That of @langchain/redis, which needs version 4 of the package. */
  readonly langchainRedis: RedisPackageHistory["client"];
  /** That of connect-redis, which needs version 5. */
  readonly redis: ReturnType<typeof createClient>;
  close(): Promise<void>;
}

export async function openClients(url: string): Promise<Clients> {
  const ioredis = new Redis(url);
  const { client: langchainRedis } = new RedisPackageHistory({ sessionId: "unused", config: { url } });
  const redis = createClient({ url });
  if (!langchainRedis.isReady) await langchainRedis.connect();
  await redis.connect();
  await ioredis.ping();
  return {
    ioredis,
    langchainRedis,
    redis,
    close: async () => {
      ioredis.disconnect();
      redis.destroy();
      await langchainRedis.disconnect();
    },
  };
}

import { StoreUnavailableError } from "langchain-redis-sessions";
import { RedisUnavailableError, type RunningRedis, startRedis } from "langchain-redis-sessions/testing";

/**
 * Returns the Redis of an example: that of REDIS_URL, or one of its own. Where there is none, or none that serves the
 * example, the program says so in a sentence, without a stack, and ends.
 */
export async function redisForExample(): Promise<RunningRedis> {
  try {
    const redis = await startRedis();
    // It answers, and may still be of no use: a node of a Cluster, say, or one that goes away.
    process.on("uncaughtException", endFor);
    return redis;
  } catch (error) {
    return endFor(error);
  }
}

function endFor(error: unknown): never {
  if (!(error instanceof RedisUnavailableError || error instanceof StoreUnavailableError)) throw error;
  const advice = "Correct REDIS_URL, start that Redis, or unset REDIS_URL: then the example starts a Redis of its own.";
  process.stderr.write(`\n${error.message}${process.env["REDIS_URL"] ? ` ${advice}` : ""}\n\n`);
  process.exit(1);
}

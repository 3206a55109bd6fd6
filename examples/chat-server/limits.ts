import type { Redis } from "ioredis";
import { RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import { StoreUnavailableError } from "langchain-redis-sessions";
import { ServiceError } from "./problems.js";

/** @param who of `counted.ts`: it becomes part of a key. @throws ServiceError `RATE_LIMITED`, with the seconds to wait; StoreUnavailableError while Redis is away. */
export type Limit = (who: string) => Promise<void>;

/**
 * So many a minute for each, counted in Redis, for all processes together.
 *
 * @param client of its own: RateLimiterRedis defines a command on the client that it is given.
 */
export function perMinute(client: Redis, name: string, points: number): Limit {
  const limiter = new RateLimiterRedis({ storeClient: client, keyPrefix: name, points, duration: 60 });
  return async (who) => {
    try {
      await limiter.consume(who);
    } catch (error) {
      // It rejects with the count when that is used up, and with an error when it could not count.
      if (!(error instanceof RateLimiterRes)) {
        throw new StoreUnavailableError("Requests could not be counted.", { indeterminate: true });
      }
      throw new ServiceError("RATE_LIMITED", { retryAfter: Math.max(1, Math.ceil(error.msBeforeNext / 1_000)) });
    }
  };
}

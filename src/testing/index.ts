export { type CutReplyOptions, type FaultyProxy, faultyProxy, type ReplyFaultOptions } from "./proxy/faulty-proxy.js";
export { RedisUnavailableError } from "./redis-unavailable-error.js";
export type { RedisAddress, RunningRedis, StartRedisOptions } from "./running-redis.js";
export { startRedis } from "./start-redis.js";

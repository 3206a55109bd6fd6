export type { PruneOptions, RedisSaverOptions, SaverOptions } from "../checkpoints/options.js";
export type { Serializer } from "../checkpoints/values.js";
export type { SessionSaverOptions } from "./options.js";
export { RedisSaver } from "./redis-saver.js";
export { RedisStore } from "./redis-store.js";
export { sessionConfig } from "./session-config.js";
export { SessionSaver } from "./session-saver.js";
export type { RedisStoreOptions, SessionStoreItemsOptions } from "./store-options.js";

export { RedisStore } from "./redis-store.js";
export type { RedisStoreOptions, SessionStoreItemsOptions } from "./store-options.js";

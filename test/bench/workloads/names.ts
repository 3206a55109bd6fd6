/** What the candidates are called, in tables and in the chart. */
export const OURS = "this library";
export const COMMUNITY = "@langchain/community";
export const REDIS_PACKAGE = "@langchain/redis";
export const RAW = "raw ioredis";
export const IN_MEMORY = "in memory";
export const EXPRESS_SESSION = "connect-redis + express-session";

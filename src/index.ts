export { RedisChatMessageHistory } from "./chat-history/history.js";
export { importMessages, type ImportMessagesOptions } from "./chat-history/import-messages.js";
export type { RedisChatMessageHistoryOptions, Window } from "./chat-history/options.js";
export type { WriteOptions } from "./chat-history/write-options.js";
export type { RedisClient, RedisPipeline } from "./client.js";
export { connect } from "./connect.js";
export type { Duration } from "./duration.js";
export {
  ConversationChangedError,
  CorruptMessageError,
  InvalidOptionError,
  OperationConflictError,
  SessionError,
  StorageFullError,
  StoreUnavailableError,
} from "./errors.js";

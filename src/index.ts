export { AgentMemory, type MemoryUsage } from "./agent-memory/memory.js";
export type {
  AgentMemoryOptions,
  AppendOptions,
  MemoryLimits,
  MemorySpaceOptions,
  MemoryWriteOptions,
  SetOptions,
} from "./agent-memory/options.js";
export type { StandardIssue, StandardResult, StandardSchema } from "./agent-memory/standard-schema.js";
export type { MemoryEntry } from "./agent-memory/values.js";
export { RedisChatMessageHistory } from "./chat-history/history.js";
export { importMessages, type ImportMessagesOptions } from "./chat-history/import-messages.js";
export type { RedisChatMessageHistoryOptions, StoreOptions, WaitOptions, Window } from "./chat-history/options.js";
export type { TurnOptions } from "./chat-history/turn-options.js";
export type { WriteOptions } from "./chat-history/write-options.js";
export type { RedisClient, RedisPipeline, RedisSubscriber } from "./client.js";
export { connect } from "./connect.js";
export type { Duration } from "./duration.js";
export {
  ConversationChangedError,
  ConversationNotFoundError,
  CorruptMessageError,
  InvalidOptionError,
  InvalidTokenError,
  isSessionError,
  NotReplicatedError,
  OperationConflictError,
  QuotaExceededError,
  ReauthenticationRequiredError,
  SessionBusyError,
  SessionError,
  SessionLimitError,
  SessionMismatchError,
  SessionNotFoundError,
  StorageFullError,
  StoreUnavailableError,
  TurnNotStoredError,
  ValueMismatchError,
  VersionConflictError,
} from "./errors.js";
export type { Quota, SessionEndReason } from "./errors.js";
export type {
  ConversationPage,
  ExpectedSession,
  MessagePage,
  Owner,
  SessionInit,
  SessionStoreOptions,
} from "./sessions/options.js";
export { type Conversation, conversationSchema, type Session, sessionSchema } from "./sessions/schema.js";
export type { EndEverybodyOptions, EndEverybodyProgress } from "./sessions/everybody.js";
export type { StoredMessage } from "./sessions/conversations.js";
export { SessionStore } from "./sessions/store.js";

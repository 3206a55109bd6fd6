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
export type { RedisChatMessageHistoryOptions, StoreOptions } from "./chat-history/options.js";
export type { Window } from "./messages/window.js";
export type { TurnOptions } from "./turns/turn-options.js";
export type { WriteOptions } from "./redis/operation.js";
export type { RedisClient } from "./redis/client.js";
export type { ConnectionOptions, WaitOptions } from "./redis/connection-options.js";
export { connect } from "./redis/connect.js";
export type { Duration } from "./options/duration.js";
export {
  AnswerStoppedError,
  ConversationChangedError,
  ConversationNotFoundError,
  ConversationTooLargeError,
  CorruptCheckpointError,
  CorruptMessageError,
  InvalidOptionError,
  InvalidTokenError,
  isLangChainRedisError,
  NotReplicatedError,
  OperationConflictError,
  PositionNotFoundError,
  QuotaExceededError,
  ReauthenticationRequiredError,
  ConversationBusyError,
  LangChainRedisError,
  SearchTooLargeError,
  SessionLimitError,
  SessionMismatchError,
  SessionNotFoundError,
  StorageFullError,
  StoreUnavailableError,
  ThreadChangedError,
  ThreadDeletedError,
  TurnNotStoredError,
  ValueMismatchError,
  VersionConflictError,
} from "./errors.js";
export type { Quota, SessionEndReason } from "./errors.js";
export type {
  ConversationPage,
  ExpectedSession,
  ForkOptions,
  MessagePage,
  Owner,
  RewindOptions,
  SessionInit,
  SessionStoreOptions,
} from "./sessions/options.js";
export type { Conversation, Session } from "./sessions/session.js";
export type { EndEverybodyOptions, EndEverybodyProgress } from "./sessions/everybody.js";
export type { Conversations, ExportedConversation, ExportedMessage, StoredMessage } from "./sessions/conversations.js";
export type { Answer } from "./answers/answer.js";
export type { AnswerEnd, AnswerEvent } from "./answers/follow.js";
export type { BeginAnswer, FollowAnswer } from "./sessions/answer-options.js";
export type { Answers, CurrentAnswer } from "./sessions/answers.js";
export { type Erased, SessionStore } from "./sessions/store.js";

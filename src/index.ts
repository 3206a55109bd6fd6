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
export { type Keyring, keyring, type KeyringOptions } from "./encryption/keyring.js";
export type { DataKeys, KeepDataKey } from "./encryption/data-keys.js";
export type { EncryptionOptions, StoredFormOptions } from "./encryption/options.js";
export { redisDataKeys, type RedisDataKeysOptions } from "./encryption/redis-data-keys.js";
export {
  rewrapDataKeys,
  type RewrapDataKeysOptions,
  type RewrappedDataKeys,
  type RewrapProgress,
} from "./reseal/rewrap-data-keys.js";
export { sealStored, type SealStoredOptions, type SealProgress } from "./reseal/seal-stored.js";
export type { Sealed } from "./reseal/seal-place.js";
export type { ResealOptions } from "./reseal/options.js";
export type { Duration } from "./options/duration.js";
export {
  AnswerStoppedError,
  ConversationChangedError,
  ConversationExistsError,
  ConversationNotFoundError,
  ConversationTooLargeError,
  CorruptCheckpointError,
  CorruptMessageError,
  EncryptionKeyError,
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
export type { Conversations } from "./sessions/conversations.js";
export type { StoredMessage } from "./sessions/stored-message.js";
export type {
  AnswerRecord,
  CheckpointRecord,
  ConversationRecord,
  ExportedConversation,
  ExportedMessage,
  ExportedRecord,
  ItemRecord,
  MemoryRecord,
  MessagesRecord,
  SessionRecord,
} from "./sessions/exported.js";
export type { HeldCheckpoint, HeldWrite, PlainValue } from "./checkpoints/held-checkpoints.js";
export type { ImportedConversation } from "./sessions/import-conversation.js";
export type { ImportOptions } from "./sessions/import-options.js";
export type { Answer } from "./answers/answer.js";
export type { AnswerEnd, AnswerEvent } from "./answers/follow.js";
export type { BeginAnswer, FollowAnswer } from "./sessions/answer-options.js";
export type { Answers, CurrentAnswer } from "./sessions/answers.js";
export { type Erased, SessionStore } from "./sessions/store.js";

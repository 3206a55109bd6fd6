// Every error of the library, for the modules that throw or compare one.
export { isLangChainRedisError, LangChainRedisError } from "./errors/langchain-redis-error.js";
export { InvalidOptionError } from "./errors/invalid-option.js";
export {
  InvalidTokenError,
  ReauthenticationRequiredError,
  type SessionEndReason,
  SessionNotFoundError,
  SessionMismatchError,
  SessionLimitError,
} from "./errors/sessions.js";
export {
  ConversationNotFoundError,
  ConversationChangedError,
  ConversationExistsError,
  ConversationTooLargeError,
  CorruptMessageError,
  PositionNotFoundError,
} from "./errors/conversations.js";
export { AnswerStoppedError, ConversationBusyError, TurnNotStoredError } from "./errors/turns.js";
export { OperationConflictError, StoreUnavailableError, NotReplicatedError, StorageFullError } from "./errors/store.js";
export { type Quota, QuotaExceededError, VersionConflictError, ValueMismatchError } from "./errors/agent-memory.js";
export { CorruptCheckpointError, ThreadChangedError, ThreadDeletedError } from "./errors/threads.js";
export { SearchTooLargeError } from "./errors/items.js";
export { EncryptionKeyError } from "./errors/encryption.js";

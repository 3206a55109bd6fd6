import type { HeldCheckpoint } from "../checkpoints/held-checkpoints.js";
import type { AnswerEnd } from "../answers/follow.js";

// The records of an export are plain JSON. Each names its kind (`kind`) and the version of its form (`format`).

/** A message of an export: LangChain's stored form, with notes on values that JSON cannot represent. */
export interface ExportedMessage {
  /** LangChain's type of the message, such as `"human"`. */
  type: string;
  /** The fields of the message. */
  data: Record<string, unknown>;
  /** Names the parts of `data` that stand in for values that JSON cannot represent. */
  rich?: unknown;
  /** The fields of `data` that the message had beyond those of its class. */
  own?: string[];
  /** The time at which the message was appended, in ISO 8601. */
  at: string;
}

/** A whole conversation as JSON. `conversations.export` returns it, and `conversations.import` accepts it. */
export interface ExportedConversation {
  format: "langchain-redis-sessions/conversation/1";
  id: string;
  agentId: string;
  title?: string | undefined;
  /** The id of the conversation that this one was forked from. */
  forkedFrom?: string | undefined;
  /** In ISO 8601. */
  createdAt: string;
  /** In ISO 8601. */
  lastActivityAt: string;
  /** The messages, oldest first. */
  messages: ExportedMessage[];
}

/** A live session, without its token. Times are in ISO 8601. */
export interface SessionRecord {
  kind: "session";
  format: "langchain-redis-sessions/session/1";
  id: string;
  conversationId: string;
  userId: string;
  orgId?: string | undefined;
  agentId: string;
  startedAt: string;
  lastActivityAt: string;
  expiresAt: string;
  messageCount: number;
  toolCallCount: number;
  ipAddress?: string | undefined;
  userAgent?: string | undefined;
  metadata: Record<string, unknown>;
}

/**
 * A conversation with its first messages. If it `continues`, records of the kind `messages` with its other messages follow.
 * A conversation that has a thread of LangGraph and no message yet has no such record.
 */
export interface ConversationRecord extends ExportedConversation {
  kind: "conversation";
  continues?: true;
}

/** More messages of the conversation whose record came before. May have no messages, if the conversation was changed meanwhile. */
export interface MessagesRecord {
  kind: "messages";
  format: "langchain-redis-sessions/messages/1";
  conversationId: string;
  messages: ExportedMessage[];
  /** Present if another record with messages of this conversation follows. */
  continues?: true;
}

/** The latest answer in flight of a conversation, while Redis still has it. */
export interface AnswerRecord {
  kind: "answer";
  format: "langchain-redis-sessions/answer/1";
  conversationId: string;
  operationId: string;
  /** `"running"`, or the way in which the answer ended. */
  state: "running" | AnswerEnd;
  /** In ISO 8601. */
  startedAt: string;
  /** The position of the question in the conversation. */
  position?: string;
  /** The position of the first message that the turn will replace. */
  replaces?: string;
  /** The question, if it will replace messages. Until then, the conversation does not contain it. */
  question?: ExportedMessage[];
}

/** A value of agent memory. */
export interface MemoryRecord {
  kind: "memory";
  format: "langchain-redis-sessions/memory/1";
  agentId: string;
  key: string;
  value: unknown;
  version: number;
  /** The time at which the value expires, in ISO 8601. Absent if it has no `ttl` of its own. */
  expiresAt?: string;
}

/** A checkpoint of a conversation's thread of LangGraph, with its pending writes. */
export interface CheckpointRecord extends HeldCheckpoint {
  readonly kind: "checkpoint";
  readonly format: "langchain-redis-sessions/checkpoint/1";
  /** The id of the conversation. */
  readonly threadId: string;
}

/** An item of the store of LangGraph. Times are in ISO 8601. */
export interface ItemRecord {
  kind: "item";
  format: "langchain-redis-sessions/item/1";
  namespace: string[];
  key: string;
  value: Record<string, unknown>;
  createdAt: string;
  updatedAt: string;
  /** Absent if the item does not expire. */
  expiresAt?: string;
}

/** One record of `sessions.exportUser`. */
export type ExportedRecord =
  | SessionRecord
  | ConversationRecord
  | MessagesRecord
  | AnswerRecord
  | MemoryRecord
  | CheckpointRecord
  | ItemRecord;

import type { HeldCheckpoint } from "../checkpoints/held-checkpoints.js";
import type { AnswerEnd } from "../answers/follow.js";

// What an export consists of: plain JSON. Each record says what it is (`kind`) and how it is spelled (`format`).

/** A message of an export: LangChain's stored form, and what JSON needs beside it. */
export interface ExportedMessage {
  type: string;
  data: Record<string, unknown>;
  /** Which parts of `data` stand in for values that JSON lacks. */
  rich?: unknown;
  /** Which fields of `data` the message had beyond those of its class. */
  own?: string[];
  /** When it was appended, in ISO 8601. */
  at: string;
}

/** A whole conversation as JSON, which `conversations.export` returns, and `conversations.import` takes. */
export interface ExportedConversation {
  format: "langchain-redis-sessions/conversation/1";
  id: string;
  agentId: string;
  title?: string | undefined;
  forkedFrom?: string | undefined;
  createdAt: string;
  lastActivityAt: string;
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
 * A conversation with its first messages. When it `continues`, records of the kind `messages` follow with the others. A
 * conversation that has a thread of LangGraph, and no message yet, has none here.
 */
export interface ConversationRecord extends ExportedConversation {
  kind: "conversation";
  continues?: true;
}

/** More messages of the conversation whose record came before. There may be none, when it was changed meanwhile. */
export interface MessagesRecord {
  kind: "messages";
  format: "langchain-redis-sessions/messages/1";
  conversationId: string;
  messages: ExportedMessage[];
  /** Whether another record with messages of this conversation follows. */
  continues?: true;
}

/** The latest answer in flight of a conversation, for as long as it is remembered. */
export interface AnswerRecord {
  kind: "answer";
  format: "langchain-redis-sessions/answer/1";
  conversationId: string;
  operationId: string;
  /** `"running"`, or how it ended. */
  state: "running" | AnswerEnd;
  startedAt: string;
  /** The position of the question in the conversation. */
  position?: string;
  /** The position of the first message that the turn is to replace. */
  replaces?: string;
  /** The question, where it is kept beside the conversation, because it is to replace messages. */
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
  /** When it expires, in ISO 8601. Absent when it has no deadline of its own. */
  expiresAt?: string;
}

/** A checkpoint of the thread of LangGraph that a conversation has, and what was written to it. */
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
  /** Absent when it has no deadline. */
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

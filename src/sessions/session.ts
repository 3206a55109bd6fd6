/**
 * A user's live access to an agent, as it was when the call returned. It contains no secret, so you can log, send and store
 * it. Methods that accept a session also accept one that went through JSON, whose dates are text.
 */
export interface Session {
  /** The session's id. Random and public. A rotation keeps it. */
  id: string;
  /** The conversation of this session's turns. It exists, and is listed, from its first message on. */
  conversationId: string;
  /** The user. */
  userId: string;
  /** The user's organisation. */
  orgId?: string | undefined;
  /** The agent that this session talks to. */
  agentId: string;
  /** The time at which the session was created, by the server's clock. */
  startedAt: Date;
  /** The time of the last activity, such as a `verify` or a turn, by the server's clock. */
  lastActivityAt: Date;
  /** The time at which the session ends without further activity: after the idle timeout, or after its lifetime if sooner. */
  expiresAt: Date;
  /** The number of messages that this session appended. Never decreases. */
  messageCount: number;
  /** The number of tool calls in those messages. */
  toolCallCount: number;
  /** The client's address, as passed to `create`. */
  ipAddress?: string | undefined;
  /** The client's `User-Agent`, as passed to `create`. */
  userAgent?: string | undefined;
  /** True if the session was live when the call returned. */
  isActive: boolean;
  /** The metadata, by name. */
  metadata: Record<string, unknown>;
}

/** A conversation of an owner. */
export interface Conversation {
  /** The conversation's id. Random and public. */
  id: string;
  /** The agent of the conversation. */
  agentId: string;
  /** The title, if it has one. */
  title?: string | undefined;
  /** The time at which the conversation began, by the server's clock. */
  createdAt: Date;
  /** The time of the last activity, such as a turn, by the server's clock. */
  lastActivityAt: Date;
  /** The id of the conversation that this one was forked from. That conversation may be gone. */
  forkedFrom?: string | undefined;
  /** The number of stored messages. */
  messageCount: number;
}

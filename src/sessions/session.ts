/**
 * A user's live access to an agent, as it was when the call returned. It holds no secret: log it, send it, keep it. Methods
 * that take a session also take one that came through JSON, whose dates are text.
 */
export interface Session {
  /** Random and public; a rotation keeps it. */
  id: string;
  /** The conversation of this session's turns. It exists, and is listed, from its first message on. */
  conversationId: string;
  userId: string;
  orgId?: string | undefined;
  agentId: string;
  startedAt: Date;
  lastActivityAt: Date;
  /** When the session ends without further activity: at the idle timeout, or at the absolute lifetime if that is sooner. */
  expiresAt: Date;
  /** How many messages this session appended. Never decreases. */
  messageCount: number;
  /** How many tool calls those messages held. */
  toolCallCount: number;
  ipAddress?: string | undefined;
  userAgent?: string | undefined;
  isActive: boolean;
  metadata: Record<string, unknown>;
}

/** A conversation of an owner. */
export interface Conversation {
  id: string;
  agentId: string;
  title?: string | undefined;
  createdAt: Date;
  lastActivityAt: Date;
  /** The id of the conversation whose beginning this one was copied from. It may be gone. */
  forkedFrom?: string | undefined;
  /** How many messages are stored. */
  messageCount: number;
}

/**
 * A user's live access to an agent, as it was when the call returned. It holds no secret: log it, send it, keep it. Methods
 * that take a session also take one that came through JSON, whose dates are text.
 */
export interface Session {
  /** Random and public; a rotation keeps it. */
  id: string;
  /** The conversation that turns of this session go to. It exists, and is listed, from its first message. */
  conversationId: string;
  userId: string;
  orgId?: string | undefined;
  agentId: string;
  startedAt: Date;
  lastActivityAt: Date;
  /** When it ends without further activity: the idle timeout, or the absolute lifetime if that is sooner. */
  expiresAt: Date;
  /** How many messages this session appended; never decreasing. */
  messageCount: number;
  /** How many tool calls they held. */
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
  /** The length of its list. */
  messageCount: number;
}

import { z } from "zod";

/** A user's live access to an agent, as it was when the call returned. It holds no secret: log it, send it, keep it. */
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

const date = z.date().or(z.iso.datetime().transform((text) => new Date(text)));

/** The shape of a {@link Session}; JSON dates are read too, so that a session may pass through a queue. */
export const sessionSchema: z.ZodType<Session> = z.strictObject({
  id: z.string(),
  conversationId: z.string(),
  userId: z.string(),
  orgId: z.string().optional(),
  agentId: z.string(),
  startedAt: date,
  lastActivityAt: date,
  expiresAt: date,
  messageCount: z.int().nonnegative(),
  toolCallCount: z.int().nonnegative(),
  ipAddress: z.string().optional(),
  userAgent: z.string().optional(),
  isActive: z.boolean(),
  metadata: z.record(z.string(), z.unknown()),
});

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

/** The shape of a {@link Conversation}. */
export const conversationSchema: z.ZodType<Conversation> = z.strictObject({
  id: z.string(),
  agentId: z.string(),
  title: z.string().optional(),
  createdAt: date,
  lastActivityAt: date,
  messageCount: z.int().nonnegative(),
});

import type { BaseMessage } from "@langchain/core/messages";
import { type Duration, RedisChatMessageHistory, type Session, SessionStore } from "langchain-redis-sessions";
import { conversationOf } from "../../../src/chat-history/history.js";
import type { Batch } from "../../../src/chat-history/message-log.js";
import { type LeaseOptions, takeLease, type TurnLease } from "../../../src/turns/turn-lease.js";
import type { Client } from "../../support/topologies.js";
import { freshId } from "../../support/turns.js";

/** A conversation of which turns take the lease, and the keys that they do it with. */
export interface LeasedConversation {
  readonly open: (client: Client, deadline?: Duration) => RedisChatMessageHistory;
  readonly lease: string;
  readonly holder: string;
  readonly waiting: string;
}

export async function onItsOwn(): Promise<LeasedConversation> {
  const sessionId = freshId();
  const base = `chat:history:{${sessionId}}`;
  return {
    open: (client, deadline) => new RedisChatMessageHistory({ client, sessionId, deadline }),
    lease: `${base}:lease`,
    holder: `${base}:holder`,
    waiting: `${base}:waiting`,
  };
}

export interface SessionConversation extends LeasedConversation {
  readonly session: Session;
  readonly token: string;
}

export async function ofASession(client: Client): Promise<SessionConversation> {
  const { token, session } = await new SessionStore({ client }).create({ userId: freshId(), agentId: "support" });
  const base = `chat:user:{${token.slice(4, 20)}}`;
  return {
    open: (other, deadline) => new SessionStore({ client: other, deadline }).history(session),
    lease: `${base}:lease:${session.conversationId}`,
    holder: `${base}:holder:${session.conversationId}`,
    waiting: `${base}:waiting:${session.conversationId}`,
    session,
    token,
  };
}

/** Waits for the conversation, with a lease and a patience longer than any test. */
export function take(history: RedisChatMessageHistory, options: Partial<LeaseOptions> = {}): Promise<TurnLease> {
  return takeLease(conversationOf(history).log, {
    concurrency: "wait",
    leaseMilliseconds: 60_000,
    waitForMilliseconds: 60_000,
    ...options,
  });
}

/** Stores a turn that runs under a lease. */
export async function store(
  history: RedisChatMessageHistory,
  messages: BaseMessage[],
  write: Pick<Batch, "operationId" | "lease">,
): Promise<void> {
  const conversation = conversationOf(history);
  await conversation.append(conversation.encode(messages), write);
}

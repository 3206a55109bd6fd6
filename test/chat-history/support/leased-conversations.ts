import type { BaseMessage } from "@langchain/core/messages";
import { RedisChatMessageHistory, type Session, SessionStore, type StoreOptions } from "langchain-redis-sessions";
import { conversationOf } from "../../../src/chat-history/history.js";
import type { Batch } from "../../../src/chat-history/message-log.js";
import { type LeaseOptions, takeLease, type TurnLease } from "../../../src/turns/turn-lease.js";
import type { Client } from "../../support/topologies.js";
import { freshId } from "../../support/turns.js";

type Options = Pick<StoreOptions, "deadline" | "maxMessages">;

/** A conversation whose lease turns take, and the keys of that lease. */
export interface LeasedConversation {
  /** Opens it with another object, as another process would. */
  readonly open: (client: Client, options?: Options) => RedisChatMessageHistory;
  readonly lease: string;
  readonly holder: string;
  readonly waiting: string;
  /** What the keys that remember an operation start with. */
  readonly operations: string;
}

export async function onItsOwn(): Promise<LeasedConversation> {
  const sessionId = freshId();
  const base = `chat:history:{${sessionId}}`;
  return {
    open: (client, options) => new RedisChatMessageHistory({ client, sessionId, ...options }),
    lease: `${base}:lease`,
    holder: `${base}:holder`,
    waiting: `${base}:waiting`,
    operations: `${base}:operation:`,
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
    open: (other, options) => new SessionStore({ client: other, ...options }).history(session),
    lease: `${base}:lease:${session.conversationId}`,
    holder: `${base}:holder:${session.conversationId}`,
    waiting: `${base}:waiting:${session.conversationId}`,
    operations: `${base}:operation:`,
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

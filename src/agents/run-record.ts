import type { BaseMessage } from "@langchain/core/messages";
import type { Fence } from "../chat-history/message-log.js";
import type { Session } from "../sessions/session.js";
import type { Turn } from "../turns/turn.js";
import { idsOf } from "./message-ids.js";

/**
 * Holds what a run has to know of itself. It is a part of the agent's state, so that a checkpointer keeps it: a run that
 * was paused can go on in another process. It stands in every checkpoint, so it holds what this turn needs, and nothing
 * that grows with the conversation.
 */
export interface RunRecord {
  /** The operation id of the turn. */
  readonly turn: string;
  /** Whether the caller chose it. */
  readonly named: boolean;
  /** The name of this run of the turn. */
  readonly attempt: string;
  /** What the turn replaces. */
  readonly fence: Fence | undefined;
  readonly userId: string;
  readonly orgId: string | undefined;
  readonly agentId: string;
  readonly conversationId: string;
  /** The clear that the turn's read saw. */
  readonly seen: string;
  /** Ids of the newest messages that were stored when the turn began: the thread held all messages up to these. */
  readonly read: readonly string[];
  /** Ids of the messages of this turn that are stored. */
  readonly own: readonly string[];
  /** Messages that are new, in order, and not stored yet. */
  readonly pending: readonly BaseMessage[];
  /** The id of the agent's last message when this was written: up to it, each message is settled or pending. */
  readonly latest: string | undefined;
  /** How many parts of the turn have been stored. */
  readonly stored: number;
  /** Whether the turn is stored as a whole. An agent may go on after its end: a structured answer is tried again. */
  readonly ended: boolean;
  /** The lease under which the turn holds its conversation: whoever takes the turn up elsewhere gives it back. */
  readonly lease: string | undefined;
}

/** How many messages the record names of what was stored: a window, or a person, may take out the newest ones. */
const MARKS = 4;

/** Returns the record of a turn that begins. */
export function recordOf(
  session: Session,
  turn: Pick<Turn, "operationId" | "named" | "attempt" | "seen" | "fence" | "lease">,
  begun: {
    stored: readonly BaseMessage[];
    messages: readonly BaseMessage[];
    fresh: readonly BaseMessage[];
    /** The question of an answer, which is stored. */
    asked: readonly BaseMessage[];
  },
): RunRecord {
  const asked = idsOf(begun.asked);
  const fresh = idsOf([...begun.fresh, ...begun.asked]);
  const old = begun.messages.filter(({ id = "" }) => !fresh.has(id));
  return {
    turn: turn.operationId,
    named: turn.named,
    attempt: turn.attempt,
    fence: turn.fence,
    userId: session.userId,
    orgId: session.orgId,
    agentId: session.agentId,
    conversationId: session.conversationId,
    seen: turn.seen,
    read: [...idsOf([...begun.stored.slice(-MARKS), ...old.slice(-MARKS)])],
    own: [...asked],
    pending: begun.fresh,
    latest: begun.messages.at(-1)?.id,
    stored: asked.size > 0 ? 1 : 0,
    ended: false,
    lease: turn.lease,
  };
}

/** Returns true for the session's user: a thread may be taken up with another session of the same user, and no other. */
export function belongsTo({ userId, orgId, agentId }: RunRecord, session: Session): boolean {
  return userId === session.userId && orgId === session.orgId && agentId === session.agentId;
}

/** Returns true when the record is of an earlier turn of the same conversation, which has not been cleared since. */
export function precedes(record: RunRecord, session: Session, seen: string): boolean {
  return belongsTo(record, session) && record.conversationId === session.conversationId && record.seen === seen;
}

/**
 * Returns the record with what is new among the agent's messages, or the same record when nothing is. What is pending
 * stays so when it is gone from the state (a summary took its place), and follows it when it changed (a person edited a
 * call, personal data was blotted out).
 */
export function withNew(
  record: RunRecord,
  messages: readonly BaseMessage[],
  isSettled: (message: BaseMessage) => boolean,
): RunRecord {
  const pending = new Map(record.pending.map((message) => [message.id, message]));
  for (const message of messages) {
    if (message.type !== "remove" && !isSettled(message)) pending.set(message.id, message);
  }
  const latest = messages.at(-1)?.id;
  const isUnchanged =
    pending.size === record.pending.length && record.pending.every((one) => pending.get(one.id) === one);
  if (isUnchanged && latest === record.latest) return record;
  return { ...record, pending: [...pending.values()], latest };
}

/**
 * Returns the record once the whole turn is stored.
 *
 * @param seen the clear that the conversation has seen by then.
 */
export function withEnd(record: RunRecord, seen: string): RunRecord {
  return { ...record, seen, fence: undefined, ended: true };
}

/** Returns the record once what was pending is stored. */
export function withoutPending(record: RunRecord): RunRecord {
  return { ...record, pending: [], own: [...record.own, ...idsOf(record.pending)], stored: record.stored + 1 };
}

import type { BaseMessage } from "@langchain/core/messages";
import type { Fence } from "../chat-history/message-log.js";
import type { Session } from "../sessions/session.js";
import type { Turn } from "../turns/turn.js";
import { idsOf } from "./message-ids.js";

/**
 * The record of a run. It is part of the agent's state, so that a checkpointer keeps it and a paused run can go on in another
 * process. Every checkpoint contains it, so it has only the data of this turn, and nothing that grows with the
 * conversation.
 */
export interface RunRecord {
  /** The operation id of the turn. */
  readonly turn: string;
  /** True if the caller chose the operation id. */
  readonly named: boolean;
  /** The name of this run of the turn. */
  readonly attempt: string;
  /** The messages that the turn replaces. */
  readonly fence: Fence | undefined;
  readonly userId: string;
  readonly orgId: string | undefined;
  readonly agentId: string;
  readonly conversationId: string;
  /** The mark of the latest clear that the turn's read saw. */
  readonly seen: string;
  /** The ids of the newest stored messages when the turn began. The thread then had all messages up to these. */
  readonly read: readonly string[];
  /** The ids of the stored messages of this turn. */
  readonly own: readonly string[];
  /** The new messages that are not stored yet, in order. */
  readonly pending: readonly BaseMessage[];
  /** The id of the agent's last message when this record was written. Up to it, each message is settled or pending. */
  readonly latest: string | undefined;
  /** The number of stored parts of the turn. */
  readonly stored: number;
  /** True if the whole turn is stored. An agent may go on after that, for example to retry a structured answer. */
  readonly ended: boolean;
  /** The token of the lease with which the turn holds its conversation. A process that resumes the turn gives it back. */
  readonly lease: string | undefined;
}

/** The number of stored messages that the record names. More than one, because the newest may be removed from the state. */
const MARKS = 4;

/** Returns the record of a turn that begins. */
export function recordOf(
  session: Session,
  turn: Pick<Turn, "operationId" | "named" | "attempt" | "seen" | "fence" | "lease">,
  begun: {
    stored: readonly BaseMessage[];
    messages: readonly BaseMessage[];
    fresh: readonly BaseMessage[];
    /** The question of an answer in flight, which is already stored. */
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

/** Returns true if the session has the run's user, organisation and agent. Only such a session may resume a thread. */
export function belongsTo({ userId, orgId, agentId }: RunRecord, session: Session): boolean {
  return userId === session.userId && orgId === session.orgId && agentId === session.agentId;
}

/** Returns true if the record is of an earlier turn of the same conversation, which has not been cleared since. */
export function precedes(record: RunRecord, session: Session, seen: string): boolean {
  return belongsTo(record, session) && record.conversationId === session.conversationId && record.seen === seen;
}

/**
 * Returns the record with the agent's new messages, or the same record if there are none. A pending message stays pending
 * if it is gone from the state (a summary replaced it), and is updated if the state changed it (a person edited a call, or
 * a middleware redacted personal data).
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
 * Returns the record of a run whose whole turn is stored.
 *
 * @param seen the mark of the latest clear that the conversation has seen by then.
 */
export function withEnd(record: RunRecord, seen: string): RunRecord {
  return { ...record, seen, fence: undefined, ended: true };
}

/** Returns the record of a run whose pending messages are stored. */
export function withoutPending(record: RunRecord): RunRecord {
  return { ...record, pending: [], own: [...record.own, ...idsOf(record.pending)], stored: record.stored + 1 };
}

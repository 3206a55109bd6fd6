import { createHash, randomUUID } from "node:crypto";
import type { BaseMessage } from "@langchain/core/messages";
import { withAnswers } from "../chat-history/interrupted.js";
import type { Session } from "../sessions/schema.js";

/**
 * What a run has to know of itself. It is part of the agent's state, so that a checkpointer keeps it: a run that was
 * paused can go on in another process.
 */
export interface RunRecord {
  /** The operation id of the turn. */
  readonly turn: string;
  readonly userId: string;
  readonly orgId: string | undefined;
  readonly agentId: string;
  readonly conversationId: string;
  /** The clear that the turn's read saw. */
  readonly seen: string;
  /** Ids of messages that are stored. */
  readonly known: readonly string[];
  /** Messages that are new, in order, and not stored yet. */
  readonly pending: readonly BaseMessage[];
  /** How many parts of the turn have been stored. */
  readonly stored: number;
}

/** How a turn begins. */
export interface Opening {
  /** The agent's messages. */
  readonly messages: readonly BaseMessage[];
  /** Those that are new, and are to be stored with the turn. */
  readonly fresh: readonly BaseMessage[];
}

/**
 * Puts together what the conversation holds, what the agent's state holds (with a checkpointer, earlier turns of the
 * thread; a summary, perhaps, in their place) and what is said now. Messages are told apart by their ids.
 *
 * @param earlier the record that the previous turn of the thread left, if it was one of the same conversation, which has
 * not been cleared since.
 */
export function openingOf(
  state: readonly BaseMessage[],
  stored: readonly BaseMessage[],
  earlier: RunRecord | undefined,
): Opening {
  const ids = new Set([...idsOf(stored), ...(earlier?.known ?? [])]);
  const isStored = (message: BaseMessage): boolean => ids.has(message.id ?? "") || isSummary(message);
  const inState = idsOf(state.filter((message) => !isSummary(message)));
  // Of a turn that was given up, the state holds what no summary took the place of. A call in it that nobody answered
  // would spoil this turn.
  const said = withAnswers(state.filter((message) => !isStored(message))).map(withId);
  const gone = earlier?.pending.filter((message) => !isStored(message) && !inState.has(message.id ?? "")) ?? [];
  const fresh = [...gone, ...said];
  if (earlier === undefined) return { messages: [...stored, ...said], fresh };
  const since = stored.filter(({ id = "" }) => !earlier.known.includes(id) && !inState.has(id));
  return { messages: [...state.filter(isStored), ...since, ...said], fresh };
}

/** What was said last, of a thread whose conversation has ended: what it remembers of that has ended too. */
export function withoutEnded(state: readonly BaseMessage[], { known, pending }: RunRecord): readonly BaseMessage[] {
  const ids = new Set([...known, ...idsOf(pending)]);
  const last = state.findLastIndex(({ id = "", type }) => ids.has(id) || type === "ai" || type === "tool");
  return state.slice(last + 1);
}

/**
 * The record with what is new among the agent's messages. What is pending stays so when it is gone from the state (a
 * summary took its place), and follows it when it changed (a person edited a call, personal data was blotted out).
 */
export function withNew(record: RunRecord, messages: readonly BaseMessage[]): RunRecord {
  const known = new Set(record.known);
  const pending = new Map(record.pending.map((message) => [message.id, message]));
  for (const message of messages) {
    if (message.type === "remove" || isSummary(message) || known.has(message.id ?? "")) continue;
    pending.set(message.id, message);
  }
  return { ...record, pending: [...pending.values()] };
}

/** The record once what was pending is stored. */
export function withoutPending(record: RunRecord): RunRecord {
  const ids = record.pending.flatMap(({ id }) => (id === undefined ? [] : [id]));
  return { ...record, pending: [], known: [...record.known, ...ids], stored: record.stored + 1 };
}

/** A thread may be taken up with another session of the same user, and no other. */
export function belongsTo({ userId, orgId, agentId }: RunRecord, session: Session): boolean {
  return userId === session.userId && orgId === session.orgId && agentId === session.agentId;
}

/**
 * Messages that were stored without an id get one, the same each time, so that a thread knows them again. It depends on
 * what they say and on how many said the same before.
 */
export function withIds(messages: readonly BaseMessage[]): BaseMessage[] {
  const met = new Map<string, number>();
  return messages.map((message) => {
    if (message.id === undefined) {
      const said = JSON.stringify([message.type, message.content]);
      const before = met.get(said) ?? 0;
      met.set(said, before + 1);
      message.id = `stored-${createHash("sha256").update(`${before}:${said}`).digest("base64url").slice(0, 22)}`;
    }
    return message;
  });
}

/** What the state gives an id would be told apart from what is kept here. */
function withId(message: BaseMessage): BaseMessage {
  message.id ??= randomUUID();
  return message;
}

export function idsOf(messages: readonly BaseMessage[]): ReadonlySet<string> {
  return new Set(messages.flatMap(({ id }) => (id === undefined ? [] : [id])));
}

/** `summarizationMiddleware` gives its summary the id of the first message that it summed up. */
function isSummary(message: BaseMessage): boolean {
  return message.additional_kwargs["lc_source"] === "summarization";
}

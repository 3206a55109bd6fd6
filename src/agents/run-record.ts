import { createHash, randomUUID } from "node:crypto";
import type { BaseMessage } from "@langchain/core/messages";
import { interruptedTurn } from "../chat-history/interrupted.js";
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

/** The agent's messages when a turn begins, and which of them are new. */
export interface Opening {
  readonly messages: readonly BaseMessage[];
  readonly fresh: readonly BaseMessage[];
}

/**
 * Puts together what the conversation holds, what the agent's state holds (with a checkpointer, earlier turns of the
 * thread; a summary, perhaps, in their place) and what is said now. Messages are told apart by their ids.
 *
 * @param earlier the record that the thread's previous turn left.
 * @param goesOn whether that was a turn of the same conversation, which has not been cleared since. Otherwise all that
 * the thread remembers has ended, and is left out.
 */
export function openingOf(
  state: readonly BaseMessage[],
  stored: readonly BaseMessage[],
  { earlier, goesOn }: { earlier: RunRecord | undefined; goesOn: boolean },
): Opening {
  const storedIds = idsOf(stored);
  const known = new Set(earlier?.known);
  const pending = idsOf(earlier?.pending ?? []);
  const isStored = ({ id = "" }: BaseMessage): boolean => known.has(id) || storedIds.has(id);
  const isLeft = (message: BaseMessage): boolean => pending.has(message.id ?? "") && !isStored(message);

  const said = state.filter((message) => !isStored(message) && !isLeft(message));
  if (earlier === undefined || !goesOn) return { messages: [...stored, ...said], fresh: said };
  // A turn of this thread that was given up: a call that nobody answered would spoil the next one.
  const left = interruptedTurn(earlier.pending.filter(isLeft)).map(withId);
  const inState = idsOf(state);
  const since = stored.filter(({ id = "" }) => !known.has(id) && !inState.has(id));
  return { messages: [...state.filter(isStored), ...since, ...left, ...said], fresh: [...left, ...said] };
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

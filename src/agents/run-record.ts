import { type BaseMessage, ToolMessage } from "@langchain/core/messages";
import { withAnswers } from "../messages/interrupted.js";
import { callsOf, isResult } from "../messages/tool-calls.js";
import type { Session } from "../sessions/schema.js";
import { anew, idsOf, withId } from "./message-ids.js";

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
  /** Ids of calls that are stored with an error in place of their result, which came later. */
  readonly sealed: readonly string[];
  /** Messages that are new, in order, and not stored yet. */
  readonly pending: readonly BaseMessage[];
  /** How many parts of the turn have been stored. */
  readonly stored: number;
  /** Under which the turn holds its conversation, should it be taken up elsewhere. */
  readonly lease: string | undefined;
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
 * @param canBeStored tells whether nothing in the messages themselves stands in the way.
 */
export function openingOf(
  state: readonly BaseMessage[],
  stored: readonly BaseMessage[],
  earlier: RunRecord | undefined,
  canBeStored: (messages: readonly BaseMessage[]) => boolean,
): Opening {
  if (earlier === undefined) {
    const fresh = saidNow(state, stored);
    return { messages: [...stored, ...fresh], fresh };
  }
  const storedIds = idsOf(stored);
  const isKnown = knownTo(earlier);
  const isStored = (message: BaseMessage): boolean => storedIds.has(message.id ?? "") || isKnown(message);
  const inState = idsOf(state.filter((message) => !isStandIn(message)));
  const since = stored.filter((message) => !isKnown(message) && !inState.has(message.id ?? ""));
  // Of a turn that was given up, the state holds what no summary took the place of.
  const gone = earlier.pending.filter((message) => !isStored(message) && !inState.has(message.id ?? ""));
  const notStored = state.filter((message) => !isStored(message));
  const now = notStored.slice(lengthOfEarlier(notStored, earlier));
  const left = notStored.slice(0, notStored.length - now.length);
  // What can never be stored failed its own turn, whose caller was told. With this turn it would fail again.
  const isLeft = canBeStored([...gone, ...left]);
  // A call in it that nobody answered would spoil this turn.
  const said = withAnswers(isLeft ? notStored : now).map(withId);
  return { messages: [...state.filter(isStored), ...since, ...said], fresh: [...(isLeft ? gone : []), ...said] };
}

/**
 * Returns how many of these messages an earlier turn left: everything up to the last one that was pending, or that is an
 * answer, and the results behind that.
 */
function lengthOfEarlier(messages: readonly BaseMessage[], { pending }: RunRecord): number {
  const ids = idsOf(pending);
  let length = messages.findLastIndex(({ id = "", type }) => ids.has(id) || type === "ai") + 1;
  while (length > 0 && isResult(messages[length])) length += 1;
  return length;
}

/** What is new to the conversation, of a state that the caller passed, and no earlier turn left. */
function saidNow(state: readonly BaseMessage[], stored: readonly BaseMessage[]): BaseMessage[] {
  const ids = idsOf(stored);
  const isOld = (message: BaseMessage): boolean => ids.has(message.id ?? "") || isStandIn(message);
  const last = state.at(-1);
  // The very message that was answered before is said once more; one that nothing followed is the same one.
  const again = last?.type === "human" && isOld(last) && last.id !== stored.at(-1)?.id ? last : undefined;
  // What the caller has from before the window is stored as well.
  const latestOld = state.findLastIndex((message) => message !== again && isOld(message));
  const said = state.filter((message, index) => !isOld(message) && (index > latestOld || message.type === "system"));
  return withAnswers(again ? [...said, anew(again)] : said).map(withId);
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
  const isKnown = knownTo(record);
  const pending = new Map(record.pending.map((message) => [message.id, message]));
  for (const message of messages) {
    if (message.type !== "remove" && !isKnown(message)) pending.set(message.id, message);
  }
  return { ...record, pending: [...pending.values()] };
}

/** The record once what was pending is stored. */
export function withoutPending(record: RunRecord): RunRecord {
  return { ...record, pending: [], known: [...record.known, ...idsOf(record.pending)], stored: record.stored + 1 };
}

/** The record of a run that was interrupted, stored as far as it had come, and goes on: that is not stored again. */
export function withoutKept(
  record: RunRecord,
  state: readonly BaseMessage[],
  stored: readonly BaseMessage[],
): RunRecord {
  const ids = new Set([...idsOf(record.pending), ...idsOf(state)]);
  for (const id of record.known) ids.delete(id);
  const own = stored.filter(({ id = "" }) => ids.has(id));
  if (own.length === 0) return record;
  const calls = new Set(own.flatMap(callsOf).map(({ name }) => name));
  const answered = stored.flatMap((message) => (ToolMessage.isInstance(message) ? [message.tool_call_id] : []));
  const partial = stored.slice(stored.indexOf(own[0] as BaseMessage)).filter(isInterrupted);
  const kept = {
    ...record,
    known: [...new Set([...record.known, ...idsOf([...own, ...partial])])],
    sealed: [...record.sealed, ...answered.filter((id) => calls.has(id))],
  };
  const isKnown = knownTo(kept);
  return { ...kept, pending: record.pending.filter((message) => !isKnown(message)) };
}

/** A thread may be taken up with another session of the same user, and no other. */
export function belongsTo({ userId, orgId, agentId }: RunRecord, session: Session): boolean {
  return userId === session.userId && orgId === session.orgId && agentId === session.agentId;
}

/** Tells what is stored, or nothing to be stored. */
function knownTo({ known, sealed }: RunRecord): (message: BaseMessage) => boolean {
  const ids = new Set(known);
  const answered = new Set(sealed);
  return (message) =>
    ids.has(message.id ?? "") ||
    isStandIn(message) ||
    (ToolMessage.isInstance(message) && answered.has(message.tool_call_id));
}

function isInterrupted({ response_metadata }: BaseMessage): boolean {
  return response_metadata["interrupted"] === true;
}

/**
 * What stands in the state for messages that are stored as they were: `summarizationMiddleware` gives its summary the id
 * of the first message that it summed up; `contextEditingMiddleware` clears results of tools, and arguments of calls.
 */
function isStandIn({ additional_kwargs, response_metadata }: BaseMessage): boolean {
  return additional_kwargs["lc_source"] === "summarization" || response_metadata["context_editing"] !== undefined;
}

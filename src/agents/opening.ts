import type { BaseMessage } from "@langchain/core/messages";
import { isStandIn } from "../frameworks/langchain.js";
import { withAnswers } from "../messages/interrupted.js";
import { isResult } from "../messages/tool-calls.js";
import { anew, idsOf, withId } from "./message-ids.js";
import type { RunRecord } from "./run-record.js";
import { settledOf, storedSince } from "./settled-messages.js";

/** The messages with which a turn begins. */
export interface Opening {
  /** The agent's messages. */
  readonly messages: readonly BaseMessage[];
  /** The new messages among them, which are stored with the turn. */
  readonly fresh: readonly BaseMessage[];
}

/** Combines the messages of the conversation and those that the caller passed, in a thread without an earlier turn. */
export function firstOpening(state: readonly BaseMessage[], stored: readonly BaseMessage[]): Opening {
  const fresh = saidNow(state, stored);
  return { messages: [...stored, ...fresh], fresh };
}

/** The messages that a turn finds in a thread with an earlier turn. */
export interface LaterState {
  /** The thread's state: earlier turns, or a summary in their place, and the messages that the caller passed now. */
  readonly state: readonly BaseMessage[];
  /** The messages of the conversation. With a window, its newest part. */
  readonly stored: readonly BaseMessage[];
  /** The record that the previous turn of the thread left. */
  readonly earlier: RunRecord;
}

/**
 * Returns true if the state seems to have messages of earlier turns that are not stored. They may be stored in front of the
 * window, so the caller then reads the whole conversation.
 */
export function seemsToLack({ state, stored, earlier }: LaterState): boolean {
  const settled = settledOf(earlier, state, stored);
  const notStored = state.filter((message) => !settled.has(message));
  return lengthOfEarlier(notStored, earlier) > 0;
}

/**
 * Combines the messages of the conversation, those of the thread's state, and those that the caller passed now. Recognises
 * messages by their ids.
 *
 * @param all the whole conversation if it was read, otherwise `stored`.
 * @param canBeStored returns true if the history would accept the messages.
 */
export function laterOpening(
  { state, stored, earlier }: LaterState,
  all: readonly BaseMessage[],
  canBeStored: (messages: readonly BaseMessage[]) => boolean,
): Opening {
  const settled = settledOf(earlier, state, [...all, ...stored]);
  const own = new Set(earlier.own);
  const inState = idsOf(state.filter((message) => !isStandIn(message)));
  const isGone = ({ id = "" }: BaseMessage): boolean => !inState.has(id);
  const notStored = state.filter((message) => !settled.has(message));
  const now = notStored.slice(lengthOfEarlier(notStored, earlier));
  const left = notStored.slice(0, notStored.length - now.length);
  // A summary may have replaced messages in the state of a turn that was given up. The record still has them.
  const gone = earlier.pending.filter((message) => !settled.has(message) && isGone(message));
  // Leave out messages that can never be stored. Their own turn failed and its caller knows; they would fail this turn too.
  const isLeft = canBeStored([...gone, ...left]);
  // A provider would refuse this turn if a call had no result.
  const said = withAnswers(isLeft ? notStored : now).map(withId);
  const since = storedSince(earlier, stored).filter((message) => !own.has(message.id ?? "") && isGone(message));
  return {
    messages: [...state.filter((message) => settled.has(message)), ...since, ...said],
    fresh: [...(isLeft ? gone : []), ...said],
  };
}

/**
 * Returns the number of messages that an earlier turn left: all messages up to the last pending one or the last answer, and
 * the results behind it.
 */
function lengthOfEarlier(messages: readonly BaseMessage[], { pending }: RunRecord): number {
  const ids = idsOf(pending);
  let length = messages.findLastIndex(({ id = "", type }) => ids.has(id) || type === "ai") + 1;
  while (length > 0 && isResult(messages[length])) length += 1;
  return length;
}

/** Returns the messages that are new to the conversation, among those that the caller passed to a thread without a turn. */
function saidNow(state: readonly BaseMessage[], stored: readonly BaseMessage[]): BaseMessage[] {
  const ids = idsOf(stored);
  const isOld = (message: BaseMessage): boolean => ids.has(message.id ?? "") || isStandIn(message);
  const last = state.at(-1);
  // A last message that is stored and was answered is meant to be sent once more. One without an answer is the stored one.
  const again = last?.type === "human" && isOld(last) && last.id !== stored.at(-1)?.id ? last : undefined;
  // Messages in front of a known one are stored too, although the window may hide them.
  const latestOld = state.findLastIndex((message) => message !== again && isOld(message));
  const said = state.filter((message, index) => !isOld(message) && (index > latestOld || message.type === "system"));
  return withAnswers(again ? [...said, anew(again)] : said).map(withId);
}

/**
 * Returns the messages that the caller passed now, in a thread whose conversation has ended. The thread's earlier messages
 * belong to that conversation, so they are left out.
 */
export function withoutEnded(state: readonly BaseMessage[], record: RunRecord): readonly BaseMessage[] {
  const ids = new Set([...record.read, ...record.own, ...idsOf(record.pending), record.latest]);
  const last = state.findLastIndex(({ id = "", type }) => ids.has(id) || type === "ai" || type === "tool");
  return state.slice(last + 1);
}

/**
 * Returns the messages that the caller passed now, in the thread of a turn that begins anew: one that repeats the turn of
 * the record, or replaces messages. A caller may pass a message with the id of the message that it replaces. The state then
 * has it at the place of the old one.
 *
 * @param replaced the id of the message that is replaced.
 */
export function saidAnew(
  state: readonly BaseMessage[],
  record: RunRecord,
  replaced: string | undefined,
): readonly BaseMessage[] {
  const said = withoutEnded(state, record);
  if (said.length > 0) return said;
  const places = new Set(replaced === undefined ? [...record.own, ...idsOf(record.pending)] : [replaced]);
  return state.filter(({ id = "", type }) => type === "human" && places.has(id));
}

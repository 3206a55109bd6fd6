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
  /** Those that are new, and are to be stored with the turn. */
  readonly fresh: readonly BaseMessage[];
}

/** Puts together what the conversation holds and what the caller passed, in a thread without an earlier turn. */
export function firstOpening(state: readonly BaseMessage[], stored: readonly BaseMessage[]): Opening {
  const fresh = saidNow(state, stored);
  return { messages: [...stored, ...fresh], fresh };
}

/** What a turn begins with in a thread that has had a turn. */
export interface LaterState {
  /** The thread's state: earlier turns, or a summary in their place, and what is said now. */
  readonly state: readonly BaseMessage[];
  /** What the conversation holds; with a window, its newest part. */
  readonly stored: readonly BaseMessage[];
  /** The record that the previous turn of the thread left. */
  readonly earlier: RunRecord;
}

/**
 * Returns true when the state seems to hold messages of earlier turns that are not stored. A window may hide that they
 * are: then the whole conversation tells.
 */
export function seemsToLack({ state, stored, earlier }: LaterState): boolean {
  const settled = settledOf(earlier, state, stored);
  const notStored = state.filter((message) => !settled.has(message));
  return lengthOfEarlier(notStored, earlier) > 0;
}

/**
 * Puts together what the conversation holds, what the thread's state holds and what is said now. Messages are told apart
 * by their ids.
 *
 * @param all the whole conversation, where that is known.
 * @param canBeStored returns whether nothing in the messages themselves stands in the way.
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
  // The state of a turn that was given up lacks what a summary took the place of.
  const gone = earlier.pending.filter((message) => !settled.has(message) && isGone(message));
  // What can never be stored failed its own turn, whose caller knows. It would fail this turn too.
  const isLeft = canBeStored([...gone, ...left]);
  // A call that nobody answered would make a provider refuse this turn.
  const said = withAnswers(isLeft ? notStored : now).map(withId);
  const since = storedSince(earlier, stored).filter((message) => !own.has(message.id ?? "") && isGone(message));
  return {
    messages: [...state.filter((message) => settled.has(message)), ...since, ...said],
    fresh: [...(isLeft ? gone : []), ...said],
  };
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

/** Returns what is new to the conversation, of a state that the caller passed, and that no earlier turn left. */
function saidNow(state: readonly BaseMessage[], stored: readonly BaseMessage[]): BaseMessage[] {
  const ids = idsOf(stored);
  const isOld = (message: BaseMessage): boolean => ids.has(message.id ?? "") || isStandIn(message);
  const last = state.at(-1);
  // A message that was answered before is said once more. A message that nothing followed is the same one.
  const again = last?.type === "human" && isOld(last) && last.id !== stored.at(-1)?.id ? last : undefined;
  // What the caller has from before the window is stored too.
  const latestOld = state.findLastIndex((message) => message !== again && isOld(message));
  const said = state.filter((message, index) => !isOld(message) && (index > latestOld || message.type === "system"));
  return withAnswers(again ? [...said, anew(again)] : said).map(withId);
}

/**
 * Returns what was said last, in a thread whose conversation has ended: what the thread remembers of that conversation
 * has ended too.
 */
export function withoutEnded(state: readonly BaseMessage[], record: RunRecord): readonly BaseMessage[] {
  const ids = new Set([...record.read, ...record.own, ...idsOf(record.pending), record.latest]);
  const last = state.findLastIndex(({ id = "", type }) => ids.has(id) || type === "ai" || type === "tool");
  return state.slice(last + 1);
}

/**
 * Returns what is said now, in the thread of a turn that begins anew: it repeats the turn of the record, or replaces
 * messages. A caller may say it under the id of what it takes the place of. Then it stands in that place in the state.
 *
 * @param replaced the id of the message that is to be replaced.
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

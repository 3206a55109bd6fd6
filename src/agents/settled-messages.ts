import type { BaseMessage } from "@langchain/core/messages";
import { isStandIn } from "../frameworks/langchain.js";
import { idsOf } from "./message-ids.js";
import type { RunRecord } from "./run-record.js";

/**
 * The ids of the messages that are already stored, so that a run does not store them again. They are kept in memory only. A
 * resumed run makes them anew from its record, the agent's state and the messages of the conversation.
 */
export class SettledMessages {
  readonly #ids: Set<string>;

  constructor(ids: Iterable<string>) {
    this.#ids = new Set(ids);
  }

  /** Returns true for a message that is stored, or that must not be stored. */
  has(message: BaseMessage): boolean {
    return this.hasId(message.id) || isStandIn(message);
  }

  /** Returns true for an id that a new message must not take. */
  hasId(id: string | undefined): boolean {
    return id !== undefined && this.#ids.has(id);
  }

  /** Adds messages that are stored now. */
  add(messages: readonly BaseMessage[]): void {
    for (const id of idsOf(messages)) this.#ids.add(id);
  }
}

/** Returns the settled messages of a turn that has begun: all messages that the agent receives, except the new ones. */
export function settledAtBeginning(
  stored: readonly BaseMessage[],
  messages: readonly BaseMessage[],
  fresh: readonly BaseMessage[],
): SettledMessages {
  const ids = new Set([...idsOf(stored), ...idsOf(messages)]);
  for (const id of idsOf(fresh)) ids.delete(id);
  return new SettledMessages(ids);
}

/**
 * Returns the settled messages of a thread that a run left with this record.
 *
 * The record does not list the messages of earlier turns. They are in front of the messages of its own turn, and are all
 * settled, even those from before the history's window. A message behind them is settled if its id is known.
 */
export function settledOf(
  record: RunRecord,
  state: readonly BaseMessage[],
  stored: readonly BaseMessage[],
): SettledMessages {
  const pending = idsOf(record.pending);
  const earlier = idsOf(state.slice(0, lengthOfEarlierTurns(record, state, stored)));
  const before = [...earlier].filter((id) => !pending.has(id));
  return new SettledMessages([...idsOf(stored), ...record.own, ...before]);
}

/** Returns the number of messages at the beginning of the state that belong to earlier turns than the record's. */
function lengthOfEarlierTurns(
  { read, own, pending, latest }: RunRecord,
  state: readonly BaseMessage[],
  stored: readonly BaseMessage[],
): number {
  if (read.length === 0) return 0;
  const marked = lastOf(state, read) + 1;
  if (marked > 0) return marked;
  // The marked messages were removed from the state.
  const ownIds = new Set([...own, ...idsOf(pending)]);
  const first = state.findIndex(({ id = "" }) => ownIds.has(id));
  if (first !== -1) return first;
  const known = new Set([...idsOf(stored), latest]);
  return state.findLastIndex(({ id }) => id !== undefined && known.has(id)) + 1;
}

/** Returns the messages that were stored after the turn began: its own, and those of other turns. */
export function storedSince({ read }: RunRecord, stored: readonly BaseMessage[]): readonly BaseMessage[] {
  return stored.slice(lastOf(stored, read) + 1);
}

/** Returns false if the window starts after the beginning of the turn, so that messages of the turn may be in front of it. */
export function reachesBack({ read }: RunRecord, stored: readonly BaseMessage[]): boolean {
  return lastOf(stored, read) !== -1;
}

function lastOf(messages: readonly BaseMessage[], ids: readonly string[]): number {
  return messages.findLastIndex(({ id }) => id !== undefined && ids.includes(id));
}

import type { BaseMessage } from "@langchain/core/messages";
import { isStandIn } from "../frameworks/langchain.js";
import { idsOf } from "./message-ids.js";
import type { RunRecord } from "./run-record.js";

/**
 * Holds the ids of the messages that a run need not store: those that are stored. It lives in memory. A run that is taken
 * up makes it again, from its record, from the agent's state and from what the conversation holds.
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

  /** Notes that these messages are stored now. */
  add(messages: readonly BaseMessage[]): void {
    for (const id of idsOf(messages)) this.#ids.add(id);
  }
}

/** Returns what is settled when a turn has begun: all messages that the agent is given, but those that are new. */
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
 * Returns what is settled of a thread that a run left with this record.
 *
 * The record does not list the messages of earlier turns. They stand in front of those of its own turn, and are settled:
 * also what was said before the history's window. What stands behind them is settled when it is known by its id.
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

/** Returns how many messages at the beginning of the state are of earlier turns than that of the record. */
function lengthOfEarlierTurns(
  { read, own, pending, latest }: RunRecord,
  state: readonly BaseMessage[],
  stored: readonly BaseMessage[],
): number {
  if (read.length === 0) return 0;
  const marked = lastOf(state, read) + 1;
  if (marked > 0) return marked;
  // The marks were taken out of the state.
  const ownIds = new Set([...own, ...idsOf(pending)]);
  const first = state.findIndex(({ id = "" }) => ownIds.has(id));
  if (first !== -1) return first;
  const known = new Set([...idsOf(stored), latest]);
  return state.findLastIndex(({ id }) => id !== undefined && known.has(id)) + 1;
}

/** Returns the stored messages that came after the turn began: its own, or those that were stored on another way. */
export function storedSince({ read }: RunRecord, stored: readonly BaseMessage[]): readonly BaseMessage[] {
  return stored.slice(lastOf(stored, read) + 1);
}

/** Returns false when what the window shows begins after the turn did: some of the turn may be stored in front of that. */
export function reachesBack({ read }: RunRecord, stored: readonly BaseMessage[]): boolean {
  return lastOf(stored, read) !== -1;
}

function lastOf(messages: readonly BaseMessage[], ids: readonly string[]): number {
  return messages.findLastIndex(({ id }) => id !== undefined && ids.includes(id));
}

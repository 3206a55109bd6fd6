import { type BaseMessage, ToolMessage } from "@langchain/core/messages";
import { isStandIn } from "../frameworks/langchain.js";
import { idsOf } from "./message-ids.js";
import type { RunRecord } from "./run-record.js";

/**
 * Holds the ids of the messages that a run need not store: those that are stored. It lives in memory. A run that is taken
 * up makes it again, from its record, from the agent's state and from what the conversation holds.
 */
export class SettledMessages {
  readonly #ids: Set<string>;
  /** Ids of calls whose stored result is an error, and whose result came later. */
  readonly #sealed: ReadonlySet<string>;

  constructor(ids: Iterable<string>, sealed: Iterable<string> = []) {
    this.#ids = new Set(ids);
    this.#sealed = new Set(sealed);
  }

  /** Returns true for a message that is stored, or that must not be stored. */
  has(message: BaseMessage): boolean {
    if (this.hasId(message.id) || isStandIn(message)) return true;
    return ToolMessage.isInstance(message) && this.#sealed.has(message.tool_call_id);
  }

  hasId(id: string | undefined): boolean {
    return id !== undefined && this.#ids.has(id);
  }

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
 * The record does not list the messages of earlier turns. When it was written, each message of the state was settled or
 * pending, and what came since stands behind these. So all that stands in front of a message that the record or the
 * conversation knows is settled, unless it is pending: also what was said before the history's window.
 */
export function settledOf(
  record: RunRecord,
  state: readonly BaseMessage[],
  stored: readonly BaseMessage[],
): SettledMessages {
  const pending = idsOf(record.pending);
  const known = new Set([...idsOf(stored), ...record.read, ...record.own, ...pending, record.latest]);
  const latest = state.findLastIndex(({ id }) => id !== undefined && known.has(id));
  const before = [...idsOf(state.slice(0, latest + 1))].filter((id) => !pending.has(id));
  return new SettledMessages([...idsOf(stored), ...record.own, ...before], record.sealed);
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

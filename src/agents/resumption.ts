import type { BaseMessage } from "@langchain/core/messages";
import { idsOf } from "./message-ids.js";
import type { RunRecord } from "./run-record.js";
import { type SettledMessages, settledOf, storedSince } from "./settled-messages.js";

/** The state of a run that is resumed. */
export interface Resumption {
  readonly record: RunRecord;
  readonly settled: SettledMessages;
}

/**
 * Resumes a run that paused, broke off, or began in another process.
 *
 * @param stored the messages of the conversation, at least those since the turn began.
 */
export function resumptionOf(
  record: RunRecord,
  state: readonly BaseMessage[],
  stored: readonly BaseMessage[],
): Resumption {
  const kept = withKept(withoutTakenBack(record, state, stored), state, stored);
  const settled = settledOf(kept, state, stored);
  return { record: { ...kept, pending: kept.pending.filter((message) => !settled.has(message)) }, settled };
}

/**
 * Returns the record of a run whose stored parts were removed when it was interrupted (`onInterrupt: "discard"`), so that
 * they are stored again.
 */
function withoutTakenBack(record: RunRecord, state: readonly BaseMessage[], stored: readonly BaseMessage[]): RunRecord {
  const own = new Set(record.own);
  if (own.size === 0 || stored.some(({ id = "" }) => own.has(id))) return record;
  const again = state.filter(({ id = "" }) => own.has(id));
  return { ...record, own: [], stored: 0, pending: [...again, ...record.pending] };
}

/**
 * Returns the record with the messages of this run that were kept when it was interrupted, and that other turns followed.
 * These stay stored. A call that was stored with an error as its result may now get its real result, which is stored behind
 * the other turns. The model then sees that result in place of the error.
 */
function withKept(record: RunRecord, state: readonly BaseMessage[], stored: readonly BaseMessage[]): RunRecord {
  const ids = new Set([...idsOf(record.pending), ...idsOf(state)]);
  for (const id of record.own) ids.delete(id);
  const since = storedSince(record, stored);
  const first = since.findIndex(({ id = "" }) => ids.has(id));
  if (first === -1) return record;
  const kept = since.slice(first);
  const own = kept.filter((message) => ids.has(message.id ?? "") || isInterrupted(message));
  return { ...record, own: [...new Set([...record.own, ...idsOf(own)])] };
}

function isInterrupted({ response_metadata }: BaseMessage): boolean {
  return response_metadata["interrupted"] === true;
}

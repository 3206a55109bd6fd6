import { Budget } from "../redis/budget.js";
import type { Connection } from "../redis/send.js";
import type { PartOfTurn } from "../redis/scripts/fragments/unfinished.js";
import type { ReadingTurn, StoredPart } from "./message-log.js";

/** The notes of a conversation's hash on its latest turn, for a turn that reads it. */
export interface TurnNotes {
  /** True if this turn is stored. */
  readonly finished: boolean;
  /** The number of last messages that are parts of this turn. Its next write replaces them. */
  readonly parts: number;
}

/**
 * Parses the notes of a conversation: its fields `unfinished` and `finished` (redis/scripts/fragments/unfinished.ts). A run
 * that begins replaces all parts of its turn. A run that goes on replaces only the part that an interruption kept of it.
 */
export function notesFor(
  { operationId, attempt }: ReadingTurn,
  unfinished: string | undefined,
  finished: string | undefined,
): TurnNotes {
  if (operationId === undefined) return { finished: false, parts: 0 };
  const [, parts, provisional, by, turn] = /^(\d+) (\d+) (\S+) (.+)$/s.exec(unfinished ?? "") ?? [];
  const isOwn = turn === operationId && (attempt === undefined || attempt === by);
  return {
    finished: finished === operationId,
    parts: isOwn ? Number(attempt === undefined ? parts : provisional) : 0,
  };
}

/**
 * Reads the entries in front of a turn's own parts. If a window limits the read (a negative `first`), the parts take up some
 * of it, so it reads again for the entries that they hide, within the same deadline.
 *
 * @param read returns the newest entries. The last `parts` of them are this turn's own.
 */
export async function readInFrontOfParts(
  settings: Connection,
  first: number,
  read: (connection: Connection, first: number) => Promise<StoredPart>,
): Promise<StoredPart> {
  const budget = new Budget(settings);
  let found = await read(budget.connection(), first);
  if (found.parts === 0) return found;
  if (first < 0 && found.entries.length === -first) found = await read(budget.connection(), first - found.parts);
  return { ...found, entries: found.entries.slice(0, Math.max(0, found.entries.length - found.parts)) };
}

/**
 * Returns the run's name for the digest of a write, once the run has stored parts. Two runs may store the same last messages
 * under one operation id, but the second has replaced the parts of the first, so theirs are different writes.
 */
export function runOf(part: PartOfTurn | undefined): readonly string[] {
  return part?.written === true ? [part.attempt] : [];
}

import { Budget } from "../redis/budget.js";
import type { Connection } from "../redis/send.js";
import type { PartOfTurn } from "../redis/scripts/fragments/unfinished.js";
import type { ReadingTurn, StoredPart } from "./message-log.js";

/** What a conversation's hash says of its latest turn, for a turn that reads it. */
export interface TurnNotes {
  /** Whether this turn is stored. */
  readonly finished: boolean;
  /** How many of the last messages are parts of this turn, which its next write takes the place of. */
  readonly parts: number;
}

/**
 * Reads the notes of a conversation: its fields `unfinished` and `finished` (redis/scripts/fragments/unfinished.ts). A run
 * that begins replaces all parts of its turn. A run that goes on replaces what an interruption kept of it.
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
 * Reads for a turn what is in front of its own parts. Where these fill a window (`first` is negative then), what they hide is
 * read too, within the same deadline.
 *
 * @param read returns the newest entries, of which as many as there are parts are this turn's own.
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
 * Returns what tells the writes of a turn apart that store the same messages under one operation id: the run, once it has
 * stored parts. Another run's parts have given way to those of the latest, so its last part is not the same write.
 */
export function runOf(part: PartOfTurn | undefined): readonly string[] {
  return part?.written === true ? [part.attempt] : [];
}

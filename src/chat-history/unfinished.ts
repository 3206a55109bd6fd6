import { NO_TURN } from "../redis/scripts/fragments/unfinished.js";
import { Budget } from "../redis/budget.js";
import type { Connection } from "../redis/send.js";
import type { LogPart, ReadingTurn, TurnPart } from "./message-log.js";

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

/** What a log reads, before it is known what the turn follows. */
export type ReadPart = Omit<LogPart, "repeats"> & Pick<TurnNotes, "parts">;

/**
 * Reads what is in front of the turn's own parts. Where these fill a window (`first` is negative then), what they hide is
 * read too, within the same deadline.
 */
export async function readInFrontOfParts(
  settings: Connection,
  first: number,
  read: (connection: Connection, first: number) => Promise<ReadPart>,
): Promise<LogPart> {
  const budget = new Budget(settings);
  const found = await read(budget.connection(), first);
  if (found.parts === 0) return { ...found, repeats: false };
  const { parts, ...all } =
    first < 0 && found.entries.length === -first ? await read(budget.connection(), first - found.parts) : found;
  return { ...all, entries: all.entries.slice(0, Math.max(0, all.entries.length - parts)), repeats: true };
}

/** Returns the arguments of a script that a turn writes with. */
export function turnValues(part: TurnPart | undefined): {
  turn: string;
  attempt: string;
  written: boolean;
  provisional: boolean;
  named: boolean;
} {
  if (part === undefined) return NO_TURN;
  const { operationId, attempt, written, kind, named } = part;
  return { turn: operationId, attempt, written, provisional: kind === "provisional", named };
}

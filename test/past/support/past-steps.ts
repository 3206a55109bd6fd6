/** One operation, and two numbers that choose what it is done to. */
export interface Step {
  readonly what: string;
  readonly a: number;
  readonly b: number;
}

const times = (count: number, ...names: readonly string[]): string[] =>
  names.flatMap((name) => Array.from({ length: count }, () => name));

/** What a history can be asked for; more often, what a turn does. */
export const stepsOfHistories: readonly string[] = [
  ...times(6, "begin", "part", "finish"),
  ...times(3, "append", "keep", "resume"),
  ...times(4, "discard"),
  ...times(1, "finishWithNothing", "leave", "clear", "expire", "loseMessages", "forget"),
];

/** What a session's conversation can be asked for. */
export const stepsOfSessions: readonly string[] = [
  ...stepsOfHistories,
  ...times(2, "replace", "finish", "rewind", "fork"),
  "append",
];

/** Operation ids that a careless note could not hold. The turns of one often meet. */
export const names: readonly string[] = ["lines\nand nul\0", ...times(4, "two words")];

/** The exit codes of the program. docs/command-line.md has the same table. */
export const EXIT = {
  done: 0,
  /** The command was not done, its output could not be written, or `doctor` found something to change. */
  failed: 1,
  /** The command line, the environment or a file is wrong. Nothing was done. */
  usage: 2,
  /** Redis could not be reached, did not answer in time, or refused. */
  unreachable: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

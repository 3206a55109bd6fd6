import { writeFileSync } from "node:fs";

/** Puts a program there that prints a line and ends, whatever it is asked. */
export function writeProgram(file: string, line: string): void {
  writeFileSync(file, `#!/bin/sh\necho '${line}'\n`, { mode: 0o755 });
}

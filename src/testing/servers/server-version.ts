import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
const MAX_ANSWER_MILLISECONDS = 10_000;

/** Returns `true` if a server of this version can run the library's scripts. */
export function isNewEnough(version: string): boolean {
  return Number.parseInt(version, 10) >= 7;
}

/** Returns the version that a server program reports, such as "7.0.15", or `undefined` if it reports none. */
export async function versionOfProgram(program: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, ["--version"], { timeout: MAX_ANSWER_MILLISECONDS });
    return /\bv=(\d\S*)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

/**
 * Returns the version of Redis in the output of INFO. A fork reports the version of Redis that it is compatible with.
 */
export function versionInInfo(information: string): string | undefined {
  return /^redis_version:(\d\S*)/m.exec(information)?.[1];
}

import { existsSync } from "node:fs";

/** Which of these processes and folders are still there. */
export function leftovers(pids: readonly number[], folders: readonly string[]): readonly (number | string)[] {
  return [...pids.filter(isRunning), ...folders.filter((folder) => existsSync(folder))];
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

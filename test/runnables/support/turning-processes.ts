import type { Duration } from "langchain-redis-sessions";
import { type LineProcess, startLineProcess } from "../../support/line-process.js";
import type { Address } from "../../support/start-servers.js";

/** What a process is told first. */
export interface TurnsOrder extends Address {
  readonly sessionId: string;
  readonly concurrency: "allow" | "wait";
  readonly lease?: Duration;
  readonly turns: number;
  /** Whether its model says "asked" and waits for a line before it answers. */
  readonly onCommand: boolean;
}

/**
 * A process that is ready to run turns; the next line makes it begin. It then says how each turn ended: `"stored"`, or a
 * code, with that of its cause.
 */
export async function turningProcess(order: TurnsOrder): Promise<LineProcess> {
  const process = startLineProcess(new URL("turning-process.ts", import.meta.url));
  process.say(order);
  await process.hear();
  return process;
}

import type { BeginAnswer, Session } from "langchain-redis-sessions";
import { type LineProcess, startLineProcess } from "../../support/line-process.js";
import type { Address } from "../../support/start-servers.js";

/** What a process runs. It says `"hangs"`, `"paused"` or `"closed"`, or the error of the run. */
export interface AgentOrder {
  readonly address: Address;
  readonly keyPrefix: string;
  readonly session: Session;
  /** The answer to begin. Absent: the turn has no answer. */
  readonly begin?: BeginAnswer;
  readonly runs: "agent" | "runnable";
  /**
   * - `"speak"`: the model says two words, and hangs.
   * - `"work"`: it calls a tool, says two words, and hangs.
   * - `"ask"`: it calls a tool that waits for a person's approval.
   */
  readonly does: "speak" | "work" | "ask";
  readonly persist?: "turn" | "step";
  readonly concurrency?: "interrupt" | "wait";
  /** Whether the answer is closed after the run. */
  readonly closes?: true;
}

/** Starts a process that runs an agent or a runnable. */
export function startAgent(order: AgentOrder): LineProcess {
  const child = startLineProcess(new URL("agent-process.ts", import.meta.url));
  child.say(order);
  return child;
}

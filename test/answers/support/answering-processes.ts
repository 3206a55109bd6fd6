import type { BeginAnswer, Session } from "langchain-redis-sessions";
import { type LineProcess, startLineProcess } from "../../support/line-process.js";
import type { Address } from "../../support/start-servers.js";

/** What a process does, in this order. It says `"done"`, or the code of the error. */
export interface AnswerOrder {
  readonly address: Address;
  readonly keyPrefix: string;
  readonly session: Session;
  readonly begin?: BeginAnswer;
  readonly send?: readonly string[];
  /** A runnable streams these parts, and then hangs. */
  readonly runs?: readonly string[];
  readonly stores?: string;
  readonly closes?: true;
}

/** Starts a process that answers. */
export function startAnswering(): LineProcess {
  return startLineProcess(new URL("answering-process.ts", import.meta.url));
}

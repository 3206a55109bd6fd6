import type { Session } from "langchain-redis-sessions";
import { type LineProcess, startLineProcess } from "../../support/line-process.js";
import type { Address } from "../../support/start-servers.js";

/** What a process edits. */
export interface EditOrder {
  readonly address: Address;
  readonly keyPrefix: string;
  readonly session: Session;
  /** The position of the message. */
  readonly replaces: string;
  /** What is said instead. */
  readonly text: string;
}

/** Starts a process that edits one message after another: between the model and the store it waits to be told. */
export function startEditing(): LineProcess {
  return startLineProcess(new URL("editing-process.ts", import.meta.url));
}

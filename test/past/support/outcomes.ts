import { LangChainRedisError, TurnNotStoredError } from "langchain-redis-sessions";
import type { TurnSettings } from "../../../src/turns/turn-options.js";

/** Settings of a turn, which keep what its interruption tells. */
export class ToldSettings implements TurnSettings {
  onInterrupt: TurnSettings["onInterrupt"];
  readonly told: unknown[] = [];
  readonly concurrency: TurnSettings["concurrency"] = "allow";
  readonly leaseMilliseconds = 30_000;
  readonly waitForMilliseconds = 30_000;
  readonly tellError = (error: unknown): unknown => this.told.push(error);

  constructor(onInterrupt: TurnSettings["onInterrupt"] = "keep") {
    this.onInterrupt = onInterrupt;
  }
}

/** The code of an error of the library. */
export function codeOf(error: unknown): string {
  return error instanceof LangChainRedisError ? error.code : String(error);
}

/** Why a turn was not stored. */
export function causeOf(error: unknown): string {
  return error instanceof TurnNotStoredError ? codeOf(error.cause) : String(error);
}

/** `"ok"`, or the code of the error. */
export function outcomeOf(call: Promise<unknown>): Promise<string> {
  return call.then(() => "ok", codeOf);
}

/** `"ok"`, or why the turn was not stored. */
export function writeOutcomeOf(write: Promise<unknown>): Promise<string> {
  return write.then(() => "ok", causeOf);
}

// LangGraph's own suite for savers. It takes vitest's functions from the global scope.
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { deltaChannelHistoryTests, validate } from "@langchain/langgraph-checkpoint-validation";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

/** Declares the tests of the official suite, those of delta channels included, for one saver. */
export function officialSuite(checkpointerName: string, createCheckpointer: () => BaseCheckpointSaver): void {
  Object.assign(globalThis, { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it });
  const initializer = { checkpointerName, createCheckpointer };
  validate(initializer);
  deltaChannelHistoryTests(initializer);
}

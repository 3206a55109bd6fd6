import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import { AIMessageChunk } from "@langchain/core/messages";
import { currentCallbacks, messageOf } from "../frameworks/langchain-core.js";
import { isUnheard } from "../frameworks/langgraph.js";

/**
 * Calls `hear` for each part that the next called model streams, with all of its answer so far. A model streams only if a
 * caller streams the run. A second try of the model begins anew.
 *
 * @returns a function that stops the calls.
 */
export function hearAnswer(hear: (said: AIMessageChunk) => void): () => void {
  const callbacks = currentCallbacks();
  if (callbacks === undefined) return () => {};
  let said: AIMessageChunk | undefined;
  let saidBy = "";
  const handler = BaseCallbackHandler.fromMethods({
    handleLLMNewToken(_token, _index, runId, _parentRunId, tags = [], fields) {
      const chunk = messageOf(fields?.chunk);
      // A model that another middleware calls without streaming to the caller is not part of the answer.
      if (!AIMessageChunk.isInstance(chunk) || isUnheard(tags)) return;
      said = said !== undefined && saidBy === runId ? said.concat(chunk) : chunk;
      saidBy = runId;
      hear(said);
    },
  });
  handler.awaitHandlers = true;
  callbacks.addHandler(handler, true);
  return () => callbacks.removeHandler(handler);
}

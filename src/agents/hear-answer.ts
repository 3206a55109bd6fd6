import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import { AIMessageChunk } from "@langchain/core/messages";
import { currentCallbacks, messageOf } from "../frameworks/langchain-core.js";
import { isUnheard } from "../frameworks/langgraph.js";

/**
 * Calls `hear` with what the model that is about to be called has said so far, each time that it says more. A model says
 * its answer part by part when somebody streams it. A second try of a model begins anew.
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
      // What another middleware asks of a model in silence is not part of the answer.
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

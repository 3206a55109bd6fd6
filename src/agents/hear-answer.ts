import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import { AIMessageChunk } from "@langchain/core/messages";
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";

/** Calls of models by other middleware, to choose tools say, are no part of the answer: a stream does not show them. */
const UNHEARD = ["nostream", "langsmith:nostream"];

interface Callbacks {
  addHandler(handler: BaseCallbackHandler, inherit: boolean): void;
  removeHandler(handler: BaseCallbackHandler): void;
}

/**
 * Hears what the model that is about to be called says, as long as it says it; it is heard when somebody streams. A
 * second try begins anew.
 *
 * @returns ends it.
 */
export function hearAnswer(hear: (said: AIMessageChunk) => void): () => void {
  const callbacks: unknown = AsyncLocalStorageProviderSingleton.getRunnableConfig()?.callbacks;
  if (!hasHandlers(callbacks)) return () => {};
  let said: AIMessageChunk | undefined;
  let saidBy = "";
  const handler = BaseCallbackHandler.fromMethods({
    handleLLMNewToken(_token, _index, runId, _parentRunId, tags = [], fields) {
      const chunk: unknown = fields?.chunk && "message" in fields.chunk ? fields.chunk.message : undefined;
      if (!AIMessageChunk.isInstance(chunk) || UNHEARD.some((tag) => tags.includes(tag))) return;
      said = said !== undefined && saidBy === runId ? said.concat(chunk) : chunk;
      saidBy = runId;
      hear(said);
    },
  });
  handler.awaitHandlers = true;
  callbacks.addHandler(handler, true);
  return () => callbacks.removeHandler(handler);
}

function hasHandlers(callbacks: unknown): callbacks is Callbacks {
  return (
    typeof callbacks === "object" && callbacks !== null && "addHandler" in callbacks && "removeHandler" in callbacks
  );
}

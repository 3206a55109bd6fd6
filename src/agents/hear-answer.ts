import { randomUUID } from "node:crypto";
import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import { AIMessageChunk } from "@langchain/core/messages";
import { addFirst, currentCallbacks, giveId, messageOf } from "../frameworks/langchain-core.js";
import { isUnheard } from "../frameworks/langgraph.js";

/** How a model's answer is heard. */
export interface Hearing {
  /** Returns true for the id of a message that the agent has. */
  readonly isTaken: (id: string) => boolean;
  /** Called for each part that the model streams, with all of its answer so far. */
  readonly hear: (said: AIMessageChunk) => void;
}

/** A model's answer that is heard while the model streams it. */
export interface HeardAnswer {
  /** The id that the parts were given in place of a taken one. Undefined if theirs was not taken, or nothing was streamed. */
  readonly freshId: string | undefined;
  readonly stop: () => void;
}

/**
 * Hears the answer of the next called model. A model streams only if a caller streams the run. A second try of the model
 * begins anew.
 *
 * If the id of the parts is taken, gives them a fresh one before streams and tracers get them. A reader then hears the answer
 * under the id that it has in the state, and LangGraph does not take the answer in the state for a second one.
 */
export function hearAnswer({ isTaken, hear }: Hearing): HeardAnswer {
  const callbacks = currentCallbacks();
  if (callbacks === undefined) return { freshId: undefined, stop: () => {} };
  let said: AIMessageChunk | undefined;
  let saidBy = "";
  let freshId: string | undefined;
  const handler = BaseCallbackHandler.fromMethods({
    handleLLMNewToken(_token, _index, runId, _parentRunId, tags = [], fields) {
      const chunk = messageOf(fields?.chunk);
      // A model that another middleware calls without streaming to the caller is not part of the answer.
      if (!AIMessageChunk.isInstance(chunk) || isUnheard(tags)) return;
      const isSame = saidBy === runId;
      if (!isSame) freshId = undefined;
      if (chunk.id !== undefined && isTaken(chunk.id)) giveId(chunk, (freshId ??= randomUUID()));
      said = said !== undefined && isSame ? said.concat(chunk) : chunk;
      saidBy = runId;
      hear(said);
    },
    // `streamEvents` with the version "v3" asks the model for these in place of parts.
    handleChatModelStreamEvent(event, _runId, _parentRunId, tags = []) {
      if (event.event !== "message-start" || isUnheard(tags)) return;
      freshId = event.id !== undefined && isTaken(event.id) ? randomUUID() : undefined;
      if (freshId !== undefined) event.id = freshId;
    },
  });
  handler.awaitHandlers = true;
  addFirst(callbacks, handler);
  return {
    get freshId() {
      return freshId;
    },
    stop: () => callbacks.removeHandler(handler),
  };
}

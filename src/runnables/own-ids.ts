import { randomUUID } from "node:crypto";
import { BaseCallbackHandler, type CallbackHandlerMethods } from "@langchain/core/callbacks/base";
import type { CallbackManager } from "@langchain/core/callbacks/manager";
import type { BaseMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { giveId, messageOf } from "../frameworks/langchain-core.js";
import { copied } from "../messages/copied.js";

// A graph of LangGraph recognises messages by their ids. If two share an id, the later one replaces the earlier one. Some
// OpenAI-compatible servers reuse an id after about a thousand answers.

/**
 * Returns the messages, each with a distinct id. If several share an id, each but the first is replaced by a copy, whose
 * new id is the same each time.
 */
export function withDistinctIds(messages: readonly BaseMessage[]): readonly BaseMessage[] {
  const met = new Map<string, number>();
  return messages.map((message) => {
    if (message.id === undefined) return message;
    const before = met.get(message.id) ?? 0;
    met.set(message.id, before + 1);
    return before === 0 ? message : copied(message, { id: `${message.id}-${before + 1}` });
  });
}

/** Returns the config with a handler that gives an answer a new id if its id was used before. */
export function withOwnIds(config: RunnableConfig, given: readonly BaseMessage[]): RunnableConfig {
  const handler = ownIds(given);
  const { callbacks } = config;
  const more =
    callbacks === undefined || Array.isArray(callbacks) ? [handler, ...(callbacks ?? [])] : added(callbacks, handler);
  return { ...config, callbacks: more };
}

function added(manager: CallbackManager, handler: BaseCallbackHandler): CallbackManager {
  const copy = manager.copy();
  copy.addHandler(handler, true);
  return copy;
}

function ownIds(given: readonly BaseMessage[]): BaseCallbackHandler {
  /** The first user of each id: a run of a model, or `""` for one of the messages that the graph receives. */
  const users = new Map<string, string>(given.flatMap(({ id }) => (id === undefined ? [] : [[id, ""]])));
  const ownOf = new Map<string, string>();
  const name = (message: BaseMessage | undefined, runId: string): void => {
    const id = message?.id;
    if (message === undefined || id === undefined) return;
    const user = users.get(id) ?? runId;
    users.set(id, user);
    if (user === runId) return;
    const own = ownOf.get(`${runId} ${id}`) ?? randomUUID();
    ownOf.set(`${runId} ${id}`, own);
    users.set(own, runId);
    giveId(message, own);
  };
  const methods: CallbackHandlerMethods = {
    // Chunks get the new id too, because a reader of tokens puts a message together by the id.
    handleLLMNewToken(_token, _index, runId, _parentRunId, _tags, fields) {
      name(messageOf(fields?.chunk), runId);
    },
    handleLLMEnd({ generations }, runId) {
      for (const generation of generations.flat()) name(messageOf(generation), runId);
    },
  };
  const handler = BaseCallbackHandler.fromMethods(methods);
  handler.awaitHandlers = true;
  return handler;
}

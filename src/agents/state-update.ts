import type { BaseMessage } from "@langchain/core/messages";
import { removalOfAll, unspoken } from "../frameworks/langgraph.js";

/** What makes `messages` the messages of a state that holds others; nothing, when it holds these. */
export function asStateUpdate(
  messages: readonly BaseMessage[],
  state: readonly BaseMessage[],
): { messages?: BaseMessage[] } {
  if (messages.length === state.length && messages.every((message, index) => message === state[index])) return {};
  const known = new Set(state);
  const update = messages.map((message) => (known.has(message) ? message : unspoken(message)));
  return { messages: [unspoken(removalOfAll()), ...update] };
}

import type { BaseMessage } from "@langchain/core/messages";
import { removalOfAll, unspoken, unstreamed } from "../frameworks/langgraph.js";

/** Returns the update that sets the messages of a state to `messages`. Returns an empty update if the state has them. */
export function asStateUpdate(messages: readonly BaseMessage[], state: readonly BaseMessage[]): BaseMessage[] {
  if (messages.length === state.length && messages.every((message, index) => message === state[index])) return [];
  const known = new Set(state);
  const update = messages.map((message) => (known.has(message) ? message : unspoken(message)));
  return unstreamed([unspoken(removalOfAll()), ...update]);
}

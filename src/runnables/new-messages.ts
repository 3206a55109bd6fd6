import { isDeepStrictEqual } from "node:util";
import { AIMessage, type BaseMessage, ToolMessage } from "@langchain/core/messages";
import { callsOf } from "../messages/tool-calls.js";

/**
 * Returns the new messages of an output. An agent or a graph returns its whole state, which begins with the messages that it
 * received. A message is recognised by its identity, and a copy by its id. For an answer the id is not enough, because some
 * servers reuse the ids of answers.
 */
export function newAmong(
  messages: readonly BaseMessage[],
  { past, said }: { readonly past: readonly BaseMessage[]; readonly said: readonly BaseMessage[] },
  came: "whole" | "partial" = "whole",
): BaseMessage[] {
  const given = new Set([...past, ...said]);
  // A graph that runs elsewhere has copies in its state. Then only the content shows whether an answer is new.
  const answers = messages.some((message) => given.has(message)) ? "themselves" : "copies";
  const [amongSaid, amongPast] = [lookup(said, answers), lookup(past, answers)];
  const state = messages.findLastIndex((message) => amongSaid(message) === "found") + 1;
  const answer = messages.slice(state).filter((message) => !given.has(message) && message.type !== "remove");
  // The state lacks the messages of the input: a summary may have replaced them.
  if (state === 0 && messages.length > 1) {
    const namesakes = (message: BaseMessage): number => messages.filter(({ id }) => id === message.id).length;
    return answer.filter((message) => amongPast(message) !== "found" || namesakes(message) > 1);
  }
  return withDisplacing(
    answer,
    messages.slice(0, state).filter((message) => amongPast(message) === "another answer of its id"),
    came,
  );
}

/** Returns the number of stored messages at the beginning of a graph's state: all messages up to the last stored one. */
export function lengthOfStored(state: readonly BaseMessage[], stored: readonly BaseMessage[]): number {
  const amongStored = lookup(stored, "copies");
  return state.findLastIndex((message) => amongStored(message) === "found") + 1;
}

/**
 * Adds the answers that replaced an earlier message in the graph's state, because they have its id. An answer with calls
 * is put in front of their results. An answer without calls is added when a whole turn has no other message. Any other
 * change of an earlier message adds nothing.
 */
function withDisplacing(
  messages: readonly BaseMessage[],
  displacing: readonly BaseMessage[],
  came: "whole" | "partial",
): BaseMessage[] {
  const complete = [...messages];
  for (const message of displacing) {
    const calls = new Set(callsOf(message).map(({ name }) => name));
    const result = complete.findIndex((one) => ToolMessage.isInstance(one) && calls.has(one.tool_call_id));
    if (result !== -1) complete.splice(result, 0, message);
    else if (came === "whole" && complete.length === 0) complete.push(message);
  }
  return complete;
}

type Found = "found" | "another answer of its id" | "none";

/** Returns a function that looks up a message by its id, and an answer also by its content, because ids may be reused. */
function lookup(messages: readonly BaseMessage[], answers: "themselves" | "copies"): (message: BaseMessage) => Found {
  const themselves = new Set(messages);
  const byId = new Map<string, BaseMessage[]>();
  for (const message of messages) {
    if (message.id === undefined) continue;
    const namesakes = byId.get(nameOf(message));
    if (namesakes === undefined) byId.set(nameOf(message), [message]);
    else namesakes.push(message);
  }
  return (message) => {
    if (themselves.has(message)) return "found";
    const namesakes = message.id === undefined ? [] : (byId.get(nameOf(message)) ?? []);
    if (namesakes.length === 0) return "none";
    if (!AIMessage.isInstance(message)) return "found";
    const isCopy = (one: BaseMessage): boolean => isDeepStrictEqual(contentOf(one), contentOf(message));
    return answers === "copies" && namesakes.some(isCopy) ? "found" : "another answer of its id";
  };
}

function nameOf({ type, id }: BaseMessage): string {
  return `${type} ${id ?? ""}`;
}

function contentOf(message: BaseMessage): unknown {
  return [message.content, callsOf(message)];
}

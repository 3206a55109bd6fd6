import { type BaseMessage, RemoveMessage } from "@langchain/core/messages";

/** Removes all messages of a state (`REMOVE_ALL_MESSAGES` of @langchain/langgraph, which this need not depend on). */
const ALL = "__remove_all__";

const CLASS_NAMES: ReadonlyMap<string, string> = new Map([
  ["human", "HumanMessage"],
  ["ai", "AIMessage"],
  ["system", "SystemMessage"],
  ["tool", "ToolMessage"],
]);

const FIELDS = [
  "content",
  "id",
  "name",
  "additional_kwargs",
  "response_metadata",
  "tool_calls",
  "invalid_tool_calls",
  "usage_metadata",
  "tool_call_id",
  "status",
  "artifact",
] as const;

/** What makes `messages` the messages of a state that holds others; nothing, when it holds these. */
export function asStateUpdate(
  messages: readonly BaseMessage[],
  state: readonly BaseMessage[],
): { messages?: BaseMessage[] } {
  if (messages.length === state.length && messages.every((message, index) => message === state[index])) return {};
  const known = new Set(state);
  const update = messages.map((message) => (known.has(message) ? message : unspoken(message)));
  return { messages: [unspoken(new RemoveMessage({ id: ALL })), ...update] };
}

/**
 * A message in the form in which LangChain serialises it, which the state reads as well: `streamMode: "messages"` passes
 * on each message that a step of the agent returns, as if it were being said.
 */
function unspoken(message: BaseMessage): BaseMessage {
  if (message.type === "remove") return { type: "remove", id: message.id } as BaseMessage;
  const name = CLASS_NAMES.get(message.type);
  if (name === undefined) return message;
  const fields = message as unknown as Readonly<Record<string, unknown>>;
  const kwargs = Object.fromEntries(FIELDS.flatMap((key) => (fields[key] === undefined ? [] : [[key, fields[key]]])));
  return { lc: 1, type: "constructor", id: ["langchain_core", "messages", name], kwargs } as unknown as BaseMessage;
}

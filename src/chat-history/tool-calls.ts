import { AIMessage, type BaseMessage, ToolMessage } from "@langchain/core/messages";

// Which results answer which calls, as providers see it.

/** What a result has to name: the id of a tool's call, or the name of a function in the older form. */
export interface Call {
  readonly type: "tool" | "function";
  readonly name: unknown;
}

/** Invalid calls and raw ones too: providers' converters send those, and then want their results. */
export function callsOf(message: BaseMessage): Call[] {
  if (!AIMessage.isInstance(message)) return [];
  const { tool_calls: calls = [], invalid_tool_calls: invalid = [], additional_kwargs: raw } = message;
  const parsed = [...calls, ...invalid].map((call) => call.id);
  const rawIds = Array.isArray(raw.tool_calls) ? raw.tool_calls.map((call) => call?.id) : [];
  const unparsed = rawIds.filter((id) => !parsed.includes(id));
  const tools = [...parsed, ...unparsed].map((name): Call => ({ type: "tool", name }));
  return raw.function_call ? [...tools, { type: "function", name: raw.function_call.name }] : tools;
}

export function isResult(message: BaseMessage | undefined): message is BaseMessage {
  return message?.type === "tool" || message?.type === "function";
}

/** The results that follow directly: providers accept a call's results nowhere else. */
export function resultsAfter(messages: readonly BaseMessage[], index: number): BaseMessage[] {
  const end = messages.findIndex((message, position) => position > index && !isResult(message));
  return messages.slice(index + 1, end === -1 ? undefined : end);
}

/** Each result answers one call. */
export function takeResult(results: BaseMessage[], { type, name }: Call): BaseMessage | undefined {
  const found = results.findIndex(
    (result) => result.type === type && name === (ToolMessage.isInstance(result) ? result.tool_call_id : result.name),
  );
  return found === -1 ? undefined : results.splice(found, 1)[0];
}

import { AIMessage, type BaseMessage, FunctionMessage, ToolMessage } from "@langchain/core/messages";
import { copied } from "./copied.js";

// Which results answer which calls, as providers see it.

/** What a result has to name: the id of a tool's call, or the name of a function in the older form. */
export interface Call {
  readonly type: "tool" | "function";
  /** Absent for a call without an id, which the next result without an id answers. */
  readonly name: string | undefined;
  /** The tool that is called. */
  readonly tool: string | undefined;
}

/**
 * Returns the calls of an answer, in order: also those whose arguments are invalid. Raw calls count where nothing was
 * parsed: LangChain's packages send them only then.
 */
export function callsOf(message: BaseMessage): Call[] {
  if (!AIMessage.isInstance(message)) return [];
  const { tool_calls: calls, invalid_tool_calls: invalid, additional_kwargs: raw } = message as Nullable<AIMessage>;
  if (!calls?.length && !invalid?.length && !raw?.tool_calls && !raw?.function_call) return [];
  // LangChain takes the arguments of a server-side tool for an invalid call without an id, which no provider sees.
  const named = (invalid ?? []).filter(({ id }) => idOf(id) !== undefined);
  const tools = [...(calls ?? []), ...named].map(({ id, name }) => toolCall(id, name));
  if (tools.length === 0 && Array.isArray(raw?.tool_calls)) {
    tools.push(...raw.tool_calls.map((call) => toolCall(call?.id, call?.function?.name)));
  }
  if (!raw?.function_call) return tools;
  return [...tools, { type: "function", name: raw.function_call.name, tool: raw.function_call.name }];
}

/** What others wrote may hold null. */
export type Nullable<Fields> = { readonly [Name in keyof Fields]: Fields[Name] | null };

function toolCall(id: unknown, tool: unknown): Call {
  return { type: "tool", name: idOf(id), tool: typeof tool === "string" ? tool : undefined };
}

/** Returns undefined for what names nothing: some servers give calls no id, others `null` or `""`. */
export function idOf(id: unknown): string | undefined {
  return typeof id === "string" && id !== "" ? id : undefined;
}

export function isResult(message: BaseMessage | undefined): boolean {
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
    (result) =>
      result.type === type && name === idOf(ToolMessage.isInstance(result) ? result.tool_call_id : result.name),
  );
  return found === -1 ? undefined : results.splice(found, 1)[0];
}

/** Makes the result of a call that nobody answered: an error that says so. The id is that of the message. */
export function standIn({ type, name = "", tool }: Call, content: string, id?: string): BaseMessage {
  const response_metadata = { interrupted: true };
  const identity = id === undefined ? {} : { id };
  if (type === "function") return new FunctionMessage({ content, name, response_metadata, ...identity });
  // Google's API wants the name of the tool, and knows no id.
  const named = name === "" && tool !== undefined ? { name: tool } : {};
  return new ToolMessage({ content, tool_call_id: name, status: "error", response_metadata, ...identity, ...named });
}

/**
 * Returns the answer with each invalid call as a call without arguments. A provider that is sent a result wants its call,
 * and LangChain's packages differ in which invalid calls they send.
 */
export function withValidCalls(answer: AIMessage): AIMessage {
  const { tool_calls: calls, invalid_tool_calls: invalid, content } = answer as Nullable<AIMessage>;
  const mended = (invalid ?? [])
    .filter(({ id }) => idOf(id) !== undefined)
    .map(({ id, name = "" }) => ({ type: "tool_call" as const, id: String(id), name, args: {} }));
  if (mended.length === 0) return answer;
  const fields = { tool_calls: [...(calls ?? []), ...mended], invalid_tool_calls: [] };
  if (!Array.isArray(content)) return copied(answer, fields);
  const inContent = new Set<unknown>();
  const blocks = content.map((block) => {
    const call = mended.find(({ id }) => id === block["id"]);
    if (call === undefined) return block;
    inContent.add(call);
    return block.type === "tool_use" ? Object.assign({}, block, { input: {} }) : call;
  });
  // Of an answer of output version v1 its content is sent, and nothing else.
  const missing =
    answer.response_metadata["output_version"] === "v1" ? mended.filter((call) => !inContent.has(call)) : [];
  return copied(answer, { ...fields, content: [...blocks, ...missing] });
}

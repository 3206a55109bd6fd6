import { AIMessage, type BaseMessage, FunctionMessage, ToolMessage } from "@langchain/core/messages";
import { copied } from "./copied.js";

// Matches results to calls, by the rules of providers.

/** A call, with the name that its result refers to: the id of a tool call, or the name of a function in the older form. */
export interface Call {
  readonly type: "tool" | "function";
  /** Absent for a call without an id. The next result without an id answers such a call. */
  readonly name: string | undefined;
  /** The name of the called tool. */
  readonly tool: string | undefined;
}

/**
 * Returns the calls of an answer, in order, including those with invalid arguments. Raw calls count only if no call was
 * parsed, because LangChain's packages send them only then.
 */
export function callsOf(message: BaseMessage): Call[] {
  if (!AIMessage.isInstance(message)) return [];
  const { tool_calls: calls, invalid_tool_calls: invalid, additional_kwargs: raw } = message as Nullable<AIMessage>;
  if (!calls?.length && !invalid?.length && !raw?.tool_calls && !raw?.function_call) return [];
  // LangChain takes the arguments of a server-side tool for an invalid call without an id, and sends it to no provider.
  const named = (invalid ?? []).filter(({ id }) => idOf(id) !== undefined);
  const tools = [...(calls ?? []), ...named].map(({ id, name }) => toolCall(id, name));
  if (tools.length === 0 && Array.isArray(raw?.tool_calls)) {
    tools.push(...raw.tool_calls.map((call) => toolCall(call?.id, call?.function?.name)));
  }
  if (!raw?.function_call) return tools;
  return [...tools, { type: "function", name: raw.function_call.name, tool: raw.function_call.name }];
}

/** The fields of a message as they may be read back. Other libraries may have stored null for a field. */
export type Nullable<Fields> = { readonly [Name in keyof Fields]: Fields[Name] | null };

function toolCall(id: unknown, tool: unknown): Call {
  return { type: "tool", name: idOf(id), tool: typeof tool === "string" ? tool : undefined };
}

/** Returns the id of a call, or `undefined` if it has none. Some servers leave it out, others send `null` or `""`. */
export function idOf(id: unknown): string | undefined {
  return typeof id === "string" && id !== "" ? id : undefined;
}

/** Returns true for the result of a call. */
export function isResult(message: BaseMessage | undefined): boolean {
  return message?.type === "tool" || message?.type === "function";
}

/** Returns the results that follow a message directly. Providers accept a call's results nowhere else. */
export function resultsAfter(messages: readonly BaseMessage[], index: number): BaseMessage[] {
  const end = messages.findIndex((message, position) => position > index && !isResult(message));
  return messages.slice(index + 1, end === -1 ? undefined : end);
}

/** Returns the result of a call, and removes it from `results`, because each result answers one call. */
export function takeResult(results: BaseMessage[], { type, name }: Call): BaseMessage | undefined {
  const found = results.findIndex(
    (result) =>
      result.type === type && name === idOf(ToolMessage.isInstance(result) ? result.tool_call_id : result.name),
  );
  return found === -1 ? undefined : results.splice(found, 1)[0];
}

/**
 * Returns an error as the result of a call that has none.
 *
 * @param id the id of the returned message.
 */
export function standIn({ type, name = "", tool }: Call, content: string, id?: string): BaseMessage {
  const response_metadata = { interrupted: true };
  const identity = id === undefined ? {} : { id };
  if (type === "function") return new FunctionMessage({ content, name, response_metadata, ...identity });
  // Google's API has no ids, and requires the name of the tool instead.
  const named = name === "" && tool !== undefined ? { name: tool } : {};
  return new ToolMessage({ content, tool_call_id: name, status: "error", response_metadata, ...identity, ...named });
}

/**
 * Returns the answer with each invalid call turned into a call without arguments. A provider requires the call of each
 * result, and not all of LangChain's packages send invalid calls.
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
  // LangChain sends only the content of an answer of output version v1, so the calls must be in it.
  const missing =
    answer.response_metadata["output_version"] === "v1" ? mended.filter((call) => !inContent.has(call)) : [];
  return copied(answer, { ...fields, content: [...blocks, ...missing] });
}

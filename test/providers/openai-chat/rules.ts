// What OpenAI's Chat Completions API refuses, in its words. It takes arguments of a call that are not valid JSON
// (myriade-ai/agentlys#343 sends them back), and content that is empty, but not null (openai/openai-python#1812).
import { findReason, type Rule } from "../support/api.js";

interface Call {
  readonly id?: string;
  readonly type?: string;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

interface Message {
  readonly role: string;
  readonly content?: string | null | readonly { readonly type: string }[];
  readonly tool_calls?: readonly Call[];
  readonly function_call?: unknown;
  readonly tool_call_id?: string;
}

export interface Body {
  readonly messages: readonly Message[];
  readonly stream?: boolean;
}

const CONTENT_TYPES: Readonly<Record<string, readonly string[]>> = {
  assistant: ["text", "refusal"],
  tool: ["text"],
  user: ["text", "image_url", "input_audio", "file"],
};

const eachMessage =
  (reasonOf: (message: Message, index: number, messages: readonly Message[]) => string | undefined): Rule<Body> =>
  ({ messages }) =>
    findReason(messages, (message, index) => reasonOf(message, index, messages));

/** The results that follow directly. */
function resultsBehind(messages: readonly Message[], index: number): readonly Message[] {
  const end = messages.findIndex(({ role }, position) => position > index && role !== "tool");
  return messages.slice(index + 1, end === -1 ? undefined : end);
}

export const rules: readonly Rule<Body>[] = [
  // run-llama/llama_index#17921, docker/docker-agent#63
  eachMessage(({ content = null, tool_calls, function_call }) =>
    content === null && tool_calls === undefined && function_call === undefined
      ? "Invalid value for 'content': expected a string, got null."
      : undefined,
  ),
  eachMessage(({ role, content }, index) => {
    const types = CONTENT_TYPES[role] ?? ["text"];
    return typeof content !== "object" || content === null
      ? undefined
      : findReason(content, ({ type }, position) =>
          types.includes(type)
            ? undefined
            : `Invalid value: '${type}'. Supported values are: ${types.map((known) => `'${known}'`).join(" and ")}. (messages[${index}].content[${position}].type)`,
        );
  }),
  // chatboxai/chatbox#2079
  eachMessage(({ tool_calls }, index) =>
    tool_calls?.length === 0
      ? `Invalid 'messages[${index}].tool_calls': empty array. Expected an array with minimum length 1, but got an empty array instead.`
      : undefined,
  ),
  eachMessage(({ tool_calls = [] }, index) =>
    findReason(tool_calls, ({ id, type, function: called }, position) => {
      const place = `messages[${index}].tool_calls[${position}]`;
      if (id === undefined) return `Missing required parameter: '${place}.id'.`;
      if (type !== "function") return `Missing required parameter: '${place}.type'.`;
      if (called?.name === undefined) return `Missing required parameter: '${place}.function.name'.`;
      if (called.arguments === undefined) return `Missing required parameter: '${place}.function.arguments'.`;
      return called.name === ""
        ? `Invalid '${place}.function.name': empty string. Expected a string with minimum length 1, but got an empty string instead.`
        : undefined;
    }),
  ),
  // aliasrobotics/cai#111, evalstate/fast-agent#314
  eachMessage(({ tool_calls = [] }, index, messages) => {
    const answered = new Set(resultsBehind(messages, index).map(({ tool_call_id }) => tool_call_id));
    const missing = tool_calls.map(({ id }) => id).filter((id) => !answered.has(id));
    return missing.length > 0
      ? `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${missing.join(", ")}`
      : undefined;
  }),
  // FoundationAgents/OpenManus#744, microsoft/promptflow#3130
  eachMessage(({ role, tool_call_id }, index, messages) => {
    if (role !== "tool") return undefined;
    const caller = messages.slice(0, index).findLast((message) => message.role !== "tool");
    if (caller?.tool_calls === undefined) {
      return "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
    }
    return caller.tool_calls.some(({ id }) => id === tool_call_id)
      ? undefined
      : `Invalid parameter: 'tool_call_id' of '${String(tool_call_id)}' not found in 'tool_calls' of previous message.`;
  }),
];

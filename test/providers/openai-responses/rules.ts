// What OpenAI's Responses API refuses, in its words.
import { findReason, type Rule } from "../support/api.js";

interface Item {
  readonly type?: string;
  readonly role?: string;
  readonly id?: string;
  readonly call_id?: string;
  readonly name?: string;
  readonly arguments?: string;
  readonly encrypted_content?: string | null;
  readonly summary?: unknown;
  readonly approval_request_id?: string;
}

export interface Body {
  readonly input: readonly Item[];
  readonly store?: boolean;
  readonly stream?: boolean;
}

export interface Request extends Body {
  /** Items of answers that came to their end. */
  readonly kept: ReadonlySet<string>;
}

/** What the model itself can say right behind its reasoning. */
const SAID = [
  "code_interpreter_call",
  "file_search_call",
  "function_call",
  "image_generation_call",
  "mcp_approval_request",
  "mcp_call",
  "mcp_list_tools",
  "message",
  "web_search_call",
];

const KNOWN_TYPES = [...SAID, "function_call_output", "item_reference", "mcp_approval_response", "reasoning"];

const eachItem =
  (reasonOf: (item: Item, index: number, request: Request) => string | undefined): Rule<Request> =>
  (request) =>
    findReason(request.input, (item, index) => reasonOf(item, index, request));

export const rules: readonly Rule<Request>[] = [
  eachItem(({ type = "message" }, index) =>
    KNOWN_TYPES.includes(type)
      ? undefined
      : `Invalid value: '${type}'. Supported values are: ${KNOWN_TYPES.map((known) => `'${known}'`).join(", ")}. (input[${index}].type)`,
  ),
  // 0xPlaygrounds/rig#677, zendev-sh/goai#145; AAswordman/Operit#797
  eachItem(({ type, id, summary }, index) => {
    if (type !== "reasoning") return undefined;
    if (id === undefined) return `Missing required parameter: 'input[${index}].id'.`;
    return summary === undefined ? `Missing required parameter: 'input[${index}].summary'.` : undefined;
  }),
  // vercel/ai#7543, openai/openai-agents-js#546: with zero data retention what was thought has to come along.
  eachItem(({ type, id = "", encrypted_content: encrypted }, _index, { store }) =>
    type === "reasoning" && store === false && typeof encrypted !== "string"
      ? `Item with id '${id}' not found. Items are not persisted when \`store\` is set to false. Try again with \`store\` set to true, or remove this item from your input.`
      : undefined,
  ),
  // vercel/ai#10638: of an answer that broke off nothing is kept.
  eachItem(({ type, id = "", encrypted_content: encrypted }, _index, { kept }) =>
    type === "reasoning" && typeof encrypted !== "string" && !kept.has(id)
      ? `Item with id '${id}' not found.`
      : undefined,
  ),
  // openai/openai-node#1567, UKGovernmentBEIS/inspect_ai#1990
  eachItem(({ type, id = "" }, index, { input }) => {
    const { type: next = "message", role } = input[index + 1] ?? { type: "end" };
    return type === "reasoning" && !(SAID.includes(next) && (next !== "message" || role === "assistant"))
      ? `Item '${id}' of type 'reasoning' was provided without its required following item.`
      : undefined;
  }),
  eachItem(({ type, call_id, name }, index) => {
    if (type !== "function_call") return undefined;
    for (const [key, value] of Object.entries({ call_id, name })) {
      if (value === undefined) return `Missing required parameter: 'input[${index}].${key}'.`;
      if (value === "") {
        return `Invalid 'input[${index}].${key}': empty string. Expected a string with minimum length 1, but got an empty string instead.`;
      }
    }
    return undefined;
  }),
  // bytedance/trae-agent#245
  eachItem(({ type, call_id = "" }, index, { input }) =>
    type === "function_call" &&
    !input.some(
      (item, position) => position > index && item.type === "function_call_output" && item.call_id === call_id,
    )
      ? `No tool output found for function call ${call_id}.`
      : undefined,
  ),
  // continuedev/continue#10092, vercel/ai#8216
  eachItem(({ type, call_id = "" }, index, { input }) =>
    type === "function_call_output" &&
    !input.slice(0, index).some((item) => item.type === "function_call" && item.call_id === call_id)
      ? `No tool call found for function call output with call_id ${call_id}.`
      : undefined,
  ),
  // The guide to MCP ("tools-connectors-mcp"), vercel/ai#18605: the request comes before its response.
  eachItem(({ type, approval_request_id: request = "" }, index, { input }) =>
    type === "mcp_approval_response" &&
    !input.slice(0, index).some((item) => item.type === "mcp_approval_request" && item.id === request)
      ? `No approval request found for approval response with approval_request_id ${request}.`
      : undefined,
  ),
];

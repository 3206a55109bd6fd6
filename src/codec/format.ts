import {
  AIMessage,
  type BaseMessage,
  ChatMessage,
  type ChatMessageFields,
  FunctionMessage,
  type FunctionMessageFields,
  HumanMessage,
  RemoveMessage,
  type RemoveMessageFields,
  SystemMessage,
  ToolMessage,
} from "@langchain/core/messages";
import { type Fields, isObject } from "./json.js";
import { makerOf } from "./stencils.js";

// A stored entry is one JSON object. Its `type` and `data` are LangChain's stored-message shape, which other programs
// can read. The other fields belong to this library, and other programs ignore them:
//
// - `v`: the version of the format. This first version writes no `v`. A later version sets it if a reader of this
//   version would misread the entry.
// - `rich`: the parts of `data` that stand in for values that JSON lacks, see rich.ts. Absent if there are none.
// - `own`: the names in `data` that were fields of the message itself, but not of its class. Absent if there are none.
// - `at`: the server time in milliseconds. The script that appends the entry adds it, so `encodeMessage` returns the
//   object without its closing brace.

/** The fields of a message type, and the way to create such a message. */
export interface MessageShape {
  /** Creates the message that the constructor creates from these fields. The caller checks the fields first. */
  create(fields: unknown): BaseMessage;
  /** The fields that the class has in every supported version of core. Its constructor restores them. */
  readonly fields: ReadonlySet<string>;
  /**
   * The field that must be a string, if there is one. Without its `role`, a generic message has no speaker. Without its
   * `id`, a `RemoveMessage` removes nothing.
   */
  readonly required: "role" | "id" | undefined;
  /**
   * The field that must be a string, null or absent, if there is one. Some OpenAI-compatible servers send tool calls
   * without an id, so the results have no `tool_call_id`.
   */
  readonly optional: "tool_call_id" | undefined;
}

function shape(
  create: MessageShape["create"],
  { required, optional }: Partial<Pick<MessageShape, "required" | "optional">> = {},
  ...fields: readonly string[]
): MessageShape {
  const common = ["content", "id", "name", "additional_kwargs", "response_metadata"];
  return { create, required, optional, fields: new Set([...common, ...fields]) };
}

/** The shapes by message type. A map, not an object, because a stored type may be any text, such as "constructor". */
export const MESSAGE_SHAPES: ReadonlyMap<unknown, MessageShape> = new Map([
  ["human", shape(makerOf(HumanMessage, "human"))],
  ["ai", shape(makerOf(AIMessage, "ai"), {}, "tool_calls", "invalid_tool_calls", "usage_metadata")],
  ["system", shape(makerOf(SystemMessage, "system"))],
  ["tool", shape(makerOf(ToolMessage, "tool"), { optional: "tool_call_id" }, "tool_call_id", "status", "artifact")],
  ["function", shape((fields: FunctionMessageFields) => new FunctionMessage(fields))],
  ["generic", shape((fields: ChatMessageFields) => new ChatMessage(fields), { required: "role" }, "role")],
  ["remove", shape((fields: RemoveMessageFields) => new RemoveMessage(fields), { required: "id" })],
]);

/**
 * Returns the reason why these fields do not form a message, or `undefined` if they do. The encoder checks this too, so
 * that it never writes an entry that the decoder refuses.
 */
export function misshapen(fields: Fields, { required, optional }: MessageShape): string | undefined {
  const { content } = fields;
  if (typeof content !== "string" && !Array.isArray(content)) return "its content is neither a string nor an array";
  if (required !== undefined && typeof fields[required] !== "string") return `its ${required} is not a string`;
  if (optional !== undefined && typeof (fields[optional] ?? "") !== "string") return `its ${optional} is not a string`;
  if (!areCalls(fields["tool_calls"])) return "its tool_calls are not an array of objects";
  if (!areCalls(fields["invalid_tool_calls"])) return "its invalid_tool_calls are not an array of objects";
  return undefined;
}

function areCalls(calls: unknown): boolean {
  return calls === undefined || calls === null || (Array.isArray(calls) && calls.every(isObject));
}

/**
 * Returns `true` for names that LangChain's classes use internally, and for `__proto__`, which cannot name a field.
 * `tool_call_chunks` is internal because LangChain merges the chunks into `tool_calls`.
 */
export function isInternal(name: string): boolean {
  return name.startsWith("lc_") || name === "type" || name === "tool_call_chunks" || name === "__proto__";
}

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

// A stored entry is one JSON object. Its `type` and `data` are LangChain's stored-message shape, which other readers
// understand; the rest is ours, and they ignore it:
//
// - `v`: for a later format that a reader of this one would misread: its version. This one, the first, writes none.
// - `rich`: which parts of `data` stand in for values that JSON lacks, see rich.ts. Absent when none do.
// - `own`: names of those parts of `data` that were fields of the message itself, though not of its class. Absent when
//   there are none.
// - `at`: server time in milliseconds. The script that appends adds it, so encoding leaves the object open.

export interface MessageShape {
  /** Makes what the constructor makes of these fields. Neither checks anything: what they rely on is checked before. */
  create(fields: unknown): BaseMessage;
  /** Fields that the class has in every supported version of core, so that its constructor restores them. */
  readonly fields: ReadonlySet<string>;
  /** The string without which a message of this type makes no sense: no provider is told who speaks, nothing is removed. */
  readonly required: "role" | "id" | undefined;
  /** A string, null or missing. Some OpenAI-compatible servers give their calls no id, so the results have none either. */
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

/** A map and no object: a type is whatever someone wrote, "constructor" for example. */
export const MESSAGE_SHAPES: ReadonlyMap<unknown, MessageShape> = new Map([
  ["human", shape(makerOf(HumanMessage, "human"))],
  ["ai", shape(makerOf(AIMessage, "ai"), {}, "tool_calls", "invalid_tool_calls", "usage_metadata")],
  ["system", shape(makerOf(SystemMessage, "system"))],
  ["tool", shape(makerOf(ToolMessage, "tool"), { optional: "tool_call_id" }, "tool_call_id", "status", "artifact")],
  ["function", shape((fields: FunctionMessageFields) => new FunctionMessage(fields))],
  ["generic", shape((fields: ChatMessageFields) => new ChatMessage(fields), { required: "role" }, "role")],
  ["remove", shape((fields: RemoveMessageFields) => new RemoveMessage(fields), { required: "id" })],
]);

/** Why these fields make no message, if so. Asked on both ways: what could not be read must not be written. */
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

/** Machinery of LangChain's classes; the chunks are folded into `tool_calls`, and `__proto__` is no name for a field. */
export function isInternal(name: string): boolean {
  return name.startsWith("lc_") || name === "type" || name === "tool_call_chunks" || name === "__proto__";
}

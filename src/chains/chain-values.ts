import type { InputValues } from "@langchain/core/memory";
import {
  type AIMessage,
  type BaseMessage,
  type BaseMessageFields,
  type ContentBlock,
  type HumanMessage,
  isBaseMessage,
} from "@langchain/core/messages";
import { InvalidOptionError } from "../errors.js";

// A chain passes values to its memory by name. A caller without types may pass no values at all.

/** Returns the names of the values. Without values, returns an empty list. */
export function namesIn(values: InputValues | undefined): string[] {
  return Object.keys(values ?? {});
}

/** Returns the value with this name, or, without a name, the only value. Returns `undefined` if the choice is unclear. */
export function pick(values: InputValues | undefined, name: string | undefined, names: readonly string[]): unknown {
  const key = name ?? (names.length === 1 ? names[0] : undefined);
  const value: unknown = key === undefined ? undefined : values?.[key];
  return value ?? undefined;
}

/**
 * Returns the value, unless it is `undefined`.
 *
 * @throws InvalidOptionError if the value is `undefined`. The error names the option that chooses the value.
 */
export function told(value: unknown, option: "inputKey" | "outputKey", names: readonly string[]): unknown {
  if (value !== undefined) return value;
  const advice =
    names.length === 0 ? "there is no value; pass one" : `set it to the name of the value: one of ${names.join(", ")}`;
  throw new InvalidOptionError(option, `${advice}.`);
}

/**
 * Returns a value as messages. A text, content blocks, and the fields of a message each become one message, as with
 * BufferMemory. Messages stay as they are. Any other value becomes a message with its JSON.
 */
export function toMessages(value: unknown, MessageClass: typeof HumanMessage | typeof AIMessage): BaseMessage[] {
  if (isBaseMessage(value)) return [value];
  if (typeof value === "string") return [new MessageClass(value)];
  if (Array.isArray(value) && value.length > 0) {
    if (value.every(isBaseMessage)) return value;
    if (value.every(isBlock)) return [new MessageClass({ content: value })];
  }
  return [isFields(value) ? new MessageClass({ ...value }) : new MessageClass(JSON.stringify(value))];
}

function isBlock(value: unknown): value is ContentBlock {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

function isFields(value: unknown): value is BaseMessageFields & { content: string | ContentBlock[] } {
  if (typeof value !== "object" || value === null || !("content" in value)) return false;
  const { content } = value;
  return typeof content === "string" || (Array.isArray(content) && content.every(isBlock));
}

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

// A chain hands its memory values by name: callers without types also hand it none at all.

/** Returns the names of the values; of no values at all, none. */
export function namesIn(values: InputValues | undefined): string[] {
  return Object.keys(values ?? {});
}

/** Returns the value of that name, or of the only one there is; `undefined` when that does not tell which. */
export function pick(values: InputValues | undefined, name: string | undefined, names: readonly string[]): unknown {
  const key = name ?? (names.length === 1 ? names[0] : undefined);
  const value: unknown = key === undefined ? undefined : values?.[key];
  return value ?? undefined;
}

/** @throws InvalidOptionError naming the option that tells which value is meant. */
export function told(value: unknown, option: "inputKey" | "outputKey", names: readonly string[]): unknown {
  if (value !== undefined) return value;
  const advice =
    names.length === 0 ? "there is no value; pass one" : `name the value that is meant: one of ${names.join(", ")}`;
  throw new InvalidOptionError(option, `${advice}.`);
}

/**
 * Makes messages of a value: as BufferMemory does of a text, of blocks of content and of the fields of a message. Several
 * messages stay as they are, and anything else is kept as JSON.
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

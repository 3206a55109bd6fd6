import type { BaseMessage } from "@langchain/core/messages";
import { CorruptMessageError } from "../errors.js";
import { isInternal, MESSAGE_SHAPES, type MessageShape, misshapen } from "./format.js";
import { type Fields, isObject } from "./json.js";
import { reviveRich } from "./rich.js";
import { Unreadable } from "./unreadable.js";

/** A message with the time of its append. */
export interface DecodedMessage {
  readonly message: BaseMessage;
  /** The server time at which the message was appended, in milliseconds since 1970. */
  readonly at: number;
}

/**
 * Decodes one complete entry: the text that `encodeMessage` returned, followed by `,"at":<milliseconds>}`.
 *
 * @throws CorruptMessageError with this `index` if the entry is damaged, or could not be opened. The error quotes no part of the entry.
 */
export function decodeMessage(entry: string | Unreadable, index: number): DecodedMessage {
  const { v, type, data, rich, own, at } = parse(entry, index);
  if (v !== undefined) throw new CorruptMessageError("unknown format version", index);
  const shape = MESSAGE_SHAPES.get(type);
  if (shape === undefined) throw new CorruptMessageError("unknown type of message", index);
  if (!isObject(data) || Array.isArray(data)) throw new CorruptMessageError("its data is not an object", index);
  if (!isTime(at)) throw new CorruptMessageError("it does not say when it was appended", index);
  if (rich !== undefined && !reviveRich(data, rich)) {
    throw new CorruptMessageError("its rich values do not fit its data", index);
  }
  const reason = misshapen(data, shape);
  if (reason !== undefined) throw new CorruptMessageError(reason, index);

  // The message keeps `data` as its `lc_kwargs`, which `toDict()` needs. Nothing is copied.
  const message = survivesConstructor(type, data) ? shape.create(data) : reconstruct(shape, data);
  if (own !== undefined && !restoreOwn(message, data, own)) {
    throw new CorruptMessageError("its own fields do not fit its data", index);
  }
  return { message, at };
}

/**
 * Decodes consecutive entries of a list. `firstIndex` is the list index of the first entry.
 *
 * @throws CorruptMessageError if an entry is damaged and `onCorrupt` is `"throw"`.
 */
export function decodeMessages(
  entries: readonly (string | Unreadable)[],
  firstIndex: number,
  onCorrupt: "throw" | "skip",
): BaseMessage[] {
  if (onCorrupt === "throw") return entries.map((entry, offset) => decodeMessage(entry, firstIndex + offset).message);
  return entries.flatMap((entry, offset) => {
    try {
      return [decodeMessage(entry, firstIndex + offset).message];
    } catch (error) {
      if (error instanceof CorruptMessageError) return [];
      throw error;
    }
  });
}

/** Accepts the range of a Date. JSON.parse reads `1e999` as Infinity, which is a number too. */
function isTime(at: unknown): at is number {
  return typeof at === "number" && Math.abs(at) <= 8.64e15;
}

function parse(entry: string | Unreadable, index: number): Fields {
  if (entry instanceof Unreadable) throw new CorruptMessageError(entry.reason, index);
  let parsed: unknown;
  try {
    parsed = JSON.parse(entry);
  } catch {
    // The cause is omitted, because its message quotes the text.
    throw new CorruptMessageError("it is not JSON", index);
  }
  if (!isObject(parsed)) throw new CorruptMessageError("it is not an object", index);
  return parsed;
}

/**
 * Returns `true` if the constructor gives the message exactly these fields. The stencils rely on this too.
 *
 * Every constructor replaces `null` where it expects an object. The constructor of `RemoveMessage` drops the content.
 * The constructor of `AIMessage` parses raw tool calls, warns about them, and rearranges the content of output version
 * 1.
 */
function survivesConstructor(type: unknown, data: Fields): boolean {
  const { additional_kwargs: kwargs, response_metadata: metadata } = data;
  if ((kwargs !== undefined && !isObject(kwargs)) || (metadata !== undefined && !isObject(metadata))) return false;
  if (type !== "ai") return type !== "remove";
  const { tool_calls: calls } = data;
  return (
    calls !== null &&
    data["invalid_tool_calls"] !== null &&
    data["contentBlocks"] === undefined &&
    metadata?.["output_version"] !== "v1" &&
    (kwargs?.["tool_calls"] === undefined || (Array.isArray(calls) && calls.length > 0))
  );
}

/** Constructs an empty message, which the constructor cannot alter, and then assigns the fields. */
function reconstruct(shape: MessageShape, data: Fields): BaseMessage {
  const blank: Fields = { content: "" };
  if (shape.required !== undefined) blank[shape.required] = data[shape.required];
  const message = shape.create(blank);
  for (const name of Object.keys(data)) {
    if (Object.hasOwn(message, name) && !isInternal(name)) setField(message, name, data[name]);
  }
  message.lc_kwargs = { ...message.lc_kwargs, ...data };
  return message;
}

function restoreOwn(message: BaseMessage, data: Fields, own: unknown): boolean {
  if (!Array.isArray(own)) return false;
  for (const name of own) {
    if (typeof name !== "string" || !Object.hasOwn(data, name)) return false;
    // Skips a name that the message already has. Either the constructor of this version of core knows the field and has
    // restored it, or the name is that of an inherited property, such as `__proto__` or `toDict`.
    if (!(name in message)) setField(message, name, data[name]);
  }
  return true;
}

function setField(message: BaseMessage, name: string, value: unknown): void {
  Object.assign(message, { [name]: value });
}

import type { BaseMessage } from "@langchain/core/messages";
import { CorruptMessageError } from "../errors.js";
import { isInternal, MESSAGE_SHAPES, type MessageShape, misshapen } from "./format.js";
import { type Fields, isObject } from "./json.js";
import { reviveRich } from "./rich.js";

export interface DecodedMessage {
  readonly message: BaseMessage;
  /** When it was appended: server time in milliseconds since 1970. */
  readonly at: number;
}

/**
 * Reads one complete entry: what `encodeMessage` wrote, then `,"at":<milliseconds>}`.
 *
 * @throws CorruptMessageError naming `index`. The reason quotes nothing of the entry.
 */
export function decodeMessage(entry: string, index: number): DecodedMessage {
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

  // A message keeps the object it is made of as its `lc_kwargs`, which `toDict()` needs: nothing is copied.
  const message = survivesConstructor(type, data) ? shape.create(data) : reconstruct(shape, data);
  if (own !== undefined && !restoreOwn(message, data, own)) {
    throw new CorruptMessageError("its own fields do not fit its data", index);
  }
  return { message, at };
}

/**
 * Reads the entries of a list, of which the first has that index.
 *
 * @throws CorruptMessageError, unless what cannot be read is to be skipped.
 */
export function decodeMessages(
  entries: readonly string[],
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

/** As far as a Date goes; `1e999` is a number for JSON too. */
function isTime(at: unknown): at is number {
  return typeof at === "number" && Math.abs(at) <= 8.64e15;
}

function parse(entry: string, index: number): Fields {
  let parsed: unknown;
  try {
    parsed = JSON.parse(entry);
  } catch {
    // Without the cause: its message quotes the text.
    throw new CorruptMessageError("it is not JSON", index);
  }
  if (!isObject(parsed)) throw new CorruptMessageError("it is not an object", index);
  return parsed;
}

/**
 * Whether the message comes out of its constructor with exactly these fields; a stencil relies on that too. All
 * constructors replace what is null and should be an object; that of a `RemoveMessage` drops the content; that of an
 * `AIMessage` parses raw tool calls, warns about them, and moves content of output version 1 about.
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

/** Lets the constructor make a message with nothing in it to distort, then gives it the fields. */
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
    // What is there the constructor restored, being a field in this version of core; or it is none: `__proto__`, `toDict`.
    if (!(name in message)) setField(message, name, data[name]);
  }
  return true;
}

function setField(message: BaseMessage, name: string, value: unknown): void {
  Object.assign(message, { [name]: value });
}

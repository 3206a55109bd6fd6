import type { BaseMessage } from "@langchain/core/messages";
import { InvalidOptionError } from "../errors.js";
import { isInternal, MESSAGE_SHAPES, type MessageShape, misshapen } from "./format.js";
import { type Fields, isObject, isPlainJson } from "./json.js";
import { RichWriter, Unstorable } from "./rich.js";

const MAX_PATH_STEPS = 20;

/**
 * Encodes one message as the text of an entry without its closing brace: `{"type":"ai","data":{…}`. The same message
 * always gives the same text.
 *
 * Values that JSON omits (functions, symbols, undefined properties) are omitted. An instance of a class that is neither
 * built in nor a message is stored as its JSON: the result of its `toJSON()`, or its own enumerable fields.
 *
 * @throws InvalidOptionError for `messages[position]` if the value is not a message, or if the message contains a value
 * that cannot be stored.
 */
export function encodeMessage(message: BaseMessage, position: number): string {
  if (!isMessage(message)) {
    throw new InvalidOptionError(
      optionName(position),
      "expected a LangChain message. Turn strings and { role, content } objects into messages with " +
        "coerceMessageLikeToMessage() from @langchain/core/messages.",
    );
  }
  const { type } = message;
  const shape = MESSAGE_SHAPES.get(type);
  if (shape === undefined) {
    const types = [...MESSAGE_SHAPES.keys()].join(", ");
    throw new InvalidOptionError(
      optionName(position),
      `a message of this type cannot be stored; the types are ${types}.`,
    );
  }

  let writer: RichWriter | undefined;
  try {
    const { data, own } = collectFields(message, shape);
    const reason = misshapen(data, shape);
    if (reason !== undefined) throw new Unstorable(`is of type ${type}, but ${reason}`);

    const head = `{"type":"${type}","data":`;
    const tail = own.length === 0 ? "" : `,"own":${JSON.stringify(own)}`;
    if (isPlainJson(data)) return head + JSON.stringify(data) + tail;
    writer = new RichWriter();
    const standIns = JSON.stringify(writer.writeFields(data));
    const rich = writer.marks.length === 0 ? "" : `,"rich":${JSON.stringify(writer.marks)}`;
    return head + standIns + rich + tail;
  } catch (error) {
    // A getter or toJSON() may throw an error that quotes content, so that error is not passed on.
    const reason = error instanceof Unstorable ? error.message : "cannot be written as JSON";
    throw new InvalidOptionError(optionName(position), `cannot be stored: ${describe(writer?.path ?? [])} ${reason}.`);
  }
}

function optionName(position: number): string {
  return `messages[${position}]`;
}

/**
 * Returns `true` if the value has the method by which LangChain itself recognises a message. Does not use `instanceof`,
 * because a program may load several copies of core.
 */
function isMessage(value: unknown): value is BaseMessage & Fields {
  return isObject(value) && typeof value["_getType"] === "function";
}

/**
 * Returns the message's current fields, and the names of those that its class does not have.
 *
 * Does not use `toDict()`, which returns only the names that the constructor was given. Of these, the names that are
 * not fields of the message (`example`) are added.
 */
function collectFields(message: BaseMessage & Fields, shape: MessageShape): { data: Fields; own: string[] } {
  const data: Fields = {};
  const own: string[] = [];
  for (const key of Object.keys(message)) {
    const known = shape.fields.has(key);
    if (!known && isInternal(key)) continue;
    const value = message[key];
    if (isLeftOut(key, value, known)) continue;
    data[key] = value;
    if (!known) own.push(key);
  }
  const given: unknown = message.lc_kwargs;
  if (!isObject(given)) return { data, own };
  for (const key of Object.keys(given)) {
    if (shape.fields.has(key) || key in message || isInternal(key)) continue;
    const value = given[key];
    if (!isLeftOut(key, value, false)) data[key] = value;
  }
  return { data, own };
}

/**
 * Returns `true` for a value that JSON omits, and for a field of the class (`known`) whose value the constructor fills
 * in by itself.
 */
function isLeftOut(key: string, value: unknown, known: boolean): boolean {
  if (typeof value === "string") return false;
  if (value === undefined || typeof value === "function" || typeof value === "symbol") return true;
  if (!known) return false;
  switch (key) {
    case "additional_kwargs":
    case "response_metadata":
      return isEmptyObject(value);
    case "tool_calls":
    case "invalid_tool_calls":
      return Array.isArray(value) && value.length === 0;
    default:
      return false;
  }
}

function isEmptyObject(value: unknown): boolean {
  if (!isObject(value) || Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const _key in value) return false;
  return true;
}

/**
 * Names the field and the indexes of arrays. Other names in the path may be message contents, so `.*` replaces them.
 */
function describe([field, ...path]: readonly (string | number)[]): string {
  if (field === undefined) return "the message";
  const steps = path.map((step) => (typeof step === "number" ? `[${step}]` : ".*"));
  return field + (steps.length > MAX_PATH_STEPS ? [...steps.slice(0, MAX_PATH_STEPS), "…"] : steps).join("");
}

import type { BaseMessage } from "@langchain/core/messages";
import { InvalidOptionError } from "../errors.js";
import { isInternal, MESSAGE_SHAPES, type MessageShape, misshapen } from "./format.js";
import { type Fields, isObject, isPlainJson } from "./json.js";
import { RichWriter, Unstorable } from "./rich.js";

const MAX_PATH_STEPS = 20;

/**
 * One message as the text of an entry, without the closing brace: `{"type":"ai","data":{…}`. The same message
 * always gives the same text.
 *
 * What JSON leaves out (functions, symbols, undefined properties) is left out. An instance of a class that is neither
 * built in nor a message comes back as its JSON: what its `toJSON()` returns, or its own enumerable fields.
 *
 * @throws InvalidOptionError naming `messages[position]`: no message, or something in it that cannot be stored.
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
    // What a getter or a toJSON() throws may quote content: nothing of it goes on from here.
    const reason = error instanceof Unstorable ? error.message : "cannot be written as JSON";
    throw new InvalidOptionError(optionName(position), `cannot be stored: ${describe(writer?.path ?? [])} ${reason}.`);
  }
}

function optionName(position: number): string {
  return `messages[${position}]`;
}

/** Asks for the method that LangChain itself asks for, never for a class: there may be more than one copy of core. */
function isMessage(value: unknown): value is BaseMessage & Fields {
  return isObject(value) && typeof value["_getType"] === "function";
}

/**
 * The fields as they are now, which `toDict()` does not know: it goes by the names that the constructor was given. Of
 * these, names that are no fields (`example`) follow.
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

/** What JSON would leave out, and what the constructors fill in: of fields that the class has. */
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

/** The field, and positions in arrays; other names on the way belong to the message's content. */
function describe([field, ...path]: readonly (string | number)[]): string {
  if (field === undefined) return "the message";
  const steps = path.map((step) => (typeof step === "number" ? `[${step}]` : ".*"));
  return field + (steps.length > MAX_PATH_STEPS ? [...steps.slice(0, MAX_PATH_STEPS), "…"] : steps).join("");
}

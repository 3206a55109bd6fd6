import {
  AIMessage,
  type BaseMessage,
  coerceMessageLikeToMessage,
  HumanMessage,
  isBaseMessage,
} from "@langchain/core/messages";
import { isObject } from "../codec/json.js";
import { isPaused, withoutPause } from "../frameworks/langgraph.js";
import { InvalidOptionError } from "../errors.js";

// Finds the messages of a turn in the input and the output of a runnable. The conventions are those of LangChain's
// RunnableWithMessageHistory.

/** The names of the messages in an input and an output. */
export interface MessageKeys {
  readonly inputMessagesKey: string | undefined;
  readonly outputMessagesKey: string | undefined;
  readonly historyMessagesKey: string | undefined;
}

type Values = Readonly<Record<string, unknown>>;

/**
 * Returns the messages of the input.
 *
 * @throws InvalidOptionError if the input has no messages.
 */
export function inputMessages(input: unknown, { inputMessagesKey }: MessageKeys): BaseMessage[] {
  const value = isValues(input) ? input[keyOf(input, inputMessagesKey, "input")] : input;
  // The input of a model can be a list of lists of messages.
  const given: unknown = Array.isArray(value) && Array.isArray(value[0]) && !isPair(value[0]) ? value[0] : value;
  if (typeof given === "string") return [new HumanMessage(given)];
  if (isBaseMessage(given)) return [given];
  if (Array.isArray(given)) return given.map((message) => coerced(message, "input"));
  throw new InvalidOptionError(
    "input",
    isValues(input)
      ? `found no string, message or list of messages in it; set inputMessagesKey to one of: ${Object.keys(input).join(", ")}.`
      : "pass a string, a message, a list of messages, or an object that contains one of these.",
  );
}

/**
 * Returns the input for the runnable: the caller's input with the past messages.
 *
 * @throws InvalidOptionError if the input is not an object, and a name for the messages in it is set.
 */
export function inputOf(
  input: unknown,
  past: readonly BaseMessage[],
  said: readonly BaseMessage[],
  { inputMessagesKey, historyMessagesKey }: MessageKeys,
): unknown {
  if (historyMessagesKey === undefined && inputMessagesKey === undefined) return [...past, ...said];
  if (!isValues(input)) {
    const name = historyMessagesKey === undefined ? "inputMessagesKey" : "historyMessagesKey";
    throw new InvalidOptionError(
      "input",
      `with ${name} pass an object, such as { ${inputMessagesKey ?? "input"}: "Hi" }.`,
    );
  }
  return historyMessagesKey === undefined
    ? { ...input, [String(inputMessagesKey)]: [...past, ...said] }
    : { ...input, [historyMessagesKey]: [...past] };
}

/**
 * Returns the messages of the output.
 *
 * @throws InvalidOptionError if the output has no messages.
 */
export function outputMessages(output: unknown, { outputMessagesKey }: MessageKeys): BaseMessage[] {
  const value = isValues(output) ? output[keyOf(withoutPause(output), outputMessagesKey, "output")] : output;
  if (typeof value === "string") return [new AIMessage(value)];
  if (isBaseMessage(value)) return [value];
  if (Array.isArray(value)) return value.map((message) => coerced(message, "output"));
  // A graph may pause before it has any messages.
  if (value === undefined && isPaused(output)) return [];
  throw new InvalidOptionError(
    "outputMessagesKey",
    isValues(output)
      ? `name the part of the output that contains the answer: one of ${Object.keys(output).join(", ")}.`
      : "the runnable has to return a string, a message, a list of messages, or an object that contains one of these.",
  );
}

function keyOf(values: Values, named: string | undefined, usual: string): string {
  const [only = usual, ...others] = Object.keys(values);
  return named ?? (others.length === 0 ? only : usual);
}

function isValues(value: unknown): value is Values {
  return isObject(value) && !Array.isArray(value) && !isBaseMessage(value);
}

/** Returns true for `["human", "Hi"]`, which is a message too. */
function isPair(value: readonly unknown[]): boolean {
  return value.length === 2 && typeof value[0] === "string" && !isBaseMessage(value[1]);
}

function coerced(message: unknown, option: string): BaseMessage {
  if (isBaseMessage(message)) return message;
  try {
    return coerceMessageLikeToMessage(message as string);
  } catch {
    throw new InvalidOptionError(
      option,
      "the list contains a value that is not a message: use messages of LangChain, or { role, content }.",
    );
  }
}

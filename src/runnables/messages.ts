import { isDeepStrictEqual } from "node:util";
import {
  AIMessage,
  type BaseMessage,
  coerceMessageLikeToMessage,
  HumanMessage,
  isBaseMessage,
  ToolMessage,
} from "@langchain/core/messages";
import { isCommand, withoutPause } from "../frameworks/langgraph.js";
import { callsOf } from "../messages/tool-calls.js";
import { InvalidOptionError } from "../errors.js";

// Where the messages of a turn are in what a runnable is given and in what it returns: the conventions of LangChain's
// RunnableWithMessageHistory.

/** Which names of an input and an output hold messages. */
export interface MessageKeys {
  readonly inputMessagesKey: string | undefined;
  readonly outputMessagesKey: string | undefined;
  readonly historyMessagesKey: string | undefined;
}

type Values = Readonly<Record<string, unknown>>;

/** @throws InvalidOptionError when there are none. */
export function inputMessages(input: unknown, { inputMessagesKey }: MessageKeys): BaseMessage[] {
  const value = isValues(input) ? input[keyOf(input, inputMessagesKey, "input")] : input;
  // Models take batches of lists of messages.
  const given: unknown = Array.isArray(value) && Array.isArray(value[0]) && !isPair(value[0]) ? value[0] : value;
  if (typeof given === "string") return [new HumanMessage(given)];
  if (isBaseMessage(given)) return [given];
  if (Array.isArray(given)) return given.map((message) => coerced(message, "input"));
  if (isValues(input) && isCommand(input)) {
    throw new InvalidOptionError(
      "input",
      "a graph that paused is stored as an interrupted turn, and not resumed here. Resume the graph itself, or use " +
        "createAgent with sessionMiddleware, which goes on with the turn.",
    );
  }
  throw new InvalidOptionError(
    "input",
    isValues(input)
      ? `found no string, message or list of messages in it; set inputMessagesKey to one of: ${Object.keys(input).join(", ")}.`
      : "pass a string, a message, a list of messages, or an object that holds one of these.",
  );
}

/** What the runnable is called with: the input and what was said before. */
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

/** @throws InvalidOptionError when there are none. */
export function outputMessages(output: unknown, { outputMessagesKey }: MessageKeys): BaseMessage[] {
  const value = isValues(output) ? output[keyOf(withoutPause(output), outputMessagesKey, "output")] : output;
  if (typeof value === "string") return [new AIMessage(value)];
  if (isBaseMessage(value)) return [value];
  if (Array.isArray(value)) return value.map((message) => coerced(message, "output"));
  throw new InvalidOptionError(
    "outputMessagesKey",
    isValues(output)
      ? `name the part of the output that holds the answer: one of ${Object.keys(output).join(", ")}.`
      : "the runnable has to return a string, a message, a list of messages, or an object that holds one of these.",
  );
}

/**
 * Returns the messages that are new: an agent or a graph returns its whole state, which begins with what it was given.
 * They are told apart by identity, and copies by their ids; an answer also by more, since some servers use the ids of
 * answers again.
 */
export function newAmong(
  messages: readonly BaseMessage[],
  { past, said }: { readonly past: readonly BaseMessage[]; readonly said: readonly BaseMessage[] },
  came: "whole" | "partial" = "whole",
): BaseMessage[] {
  const given = new Set([...past, ...said]);
  // When a graph runs elsewhere its state holds copies. Then only the content tells whether an answer is new.
  const answers = messages.some((message) => given.has(message)) ? "themselves" : "copies";
  const [amongSaid, amongPast] = [lookup(said, answers), lookup(past, answers)];
  const state = messages.findLastIndex((message) => amongSaid(message) === "found") + 1;
  const answer = messages.slice(state).filter((message) => !given.has(message) && message.type !== "remove");
  // A state without what was said: a summary took its place, say.
  if (state === 0 && messages.length > 1) {
    const namesakes = (message: BaseMessage): number => messages.filter(({ id }) => id === message.id).length;
    return answer.filter((message) => amongPast(message) !== "found" || namesakes(message) > 1);
  }
  return withDisplacing(
    answer,
    messages.slice(0, state).filter((message) => amongPast(message) === "another answer of its id"),
    came,
  );
}

/**
 * Adds the answers that replaced an earlier message in the graph's state, because they have its id. Each stands before the
 * results of its calls; without calls, it is the answer when a whole turn has no other message. Any other change of an
 * earlier message is a change of that, and adds nothing.
 */
function withDisplacing(
  messages: readonly BaseMessage[],
  displacing: readonly BaseMessage[],
  came: "whole" | "partial",
): BaseMessage[] {
  const complete = [...messages];
  for (const message of displacing) {
    const calls = new Set(callsOf(message).map(({ name }) => name));
    const result = complete.findIndex((one) => ToolMessage.isInstance(one) && calls.has(one.tool_call_id));
    if (result !== -1) complete.splice(result, 0, message);
    else if (came === "whole" && complete.length === 0) complete.push(message);
  }
  return complete;
}

type Found = "found" | "another answer of its id" | "none";

/** Looks a message up among these: by its id, and an answer, whose id may be that of another, more exactly. */
function lookup(messages: readonly BaseMessage[], answers: "themselves" | "copies"): (message: BaseMessage) => Found {
  const themselves = new Set(messages);
  const byId = new Map<string, BaseMessage[]>();
  for (const message of messages) {
    if (message.id === undefined) continue;
    const namesakes = byId.get(nameOf(message));
    if (namesakes === undefined) byId.set(nameOf(message), [message]);
    else namesakes.push(message);
  }
  return (message) => {
    if (themselves.has(message)) return "found";
    const namesakes = message.id === undefined ? [] : (byId.get(nameOf(message)) ?? []);
    if (namesakes.length === 0) return "none";
    if (!AIMessage.isInstance(message)) return "found";
    const isCopy = (one: BaseMessage): boolean => isDeepStrictEqual(contentOf(one), contentOf(message));
    return answers === "copies" && namesakes.some(isCopy) ? "found" : "another answer of its id";
  };
}

function nameOf({ type, id }: BaseMessage): string {
  return `${type} ${id ?? ""}`;
}

function contentOf(message: BaseMessage): unknown {
  return [message.content, callsOf(message)];
}

function keyOf(values: Values, named: string | undefined, usual: string): string {
  const [only = usual, ...others] = Object.keys(values);
  return named ?? (others.length === 0 ? only : usual);
}

function isValues(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isBaseMessage(value);
}

/** `["human", "Hi"]` is a message too. */
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
      "one of its messages is none: use messages of LangChain, or { role, content }.",
    );
  }
}

import {
  AIMessage,
  type BaseMessage,
  coerceMessageLikeToMessage,
  HumanMessage,
  isBaseMessage,
} from "@langchain/core/messages";
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
  if (isValues(input) && input["lg_name"] === "Command") {
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
 * Those that are new: an agent or a graph returns its whole state, which begins with what it was given. Told by
 * identity, and by id where a checkpointer made copies; never by id after what was said in this turn, or by an id that
 * several share, as some models give each answer the same.
 */
export function newAmong(
  messages: readonly BaseMessage[],
  { past, said }: { past: readonly BaseMessage[]; said: readonly BaseMessage[] },
): BaseMessage[] {
  const given = new Set([...past, ...said]);
  const saidIds = idsOf(said);
  const isSaid = (message: BaseMessage): boolean => said.includes(message) || saidIds.has(message.id);
  const state = messages.findLastIndex(isSaid) + 1;
  const answer = messages.slice(state).filter((message) => !given.has(message) && message.type !== "remove");
  // A state without what was said: a summary took its place, say.
  const isState = state === 0 && messages.length > 1;
  if (!isState) return answer;
  const [pastIds, ids] = [idsOf(past), idsOf(messages)];
  return answer.filter(({ id }) => !(pastIds.has(id) && ids.has(id)));
}

/** Those that name one message each. */
function idsOf(messages: readonly BaseMessage[]): ReadonlySet<string | undefined> {
  const ids = new Set<string | undefined>();
  const shared = new Set<string | undefined>([undefined]);
  for (const { id } of messages) (ids.has(id) ? shared : ids).add(id);
  return new Set([...ids].filter((id) => !shared.has(id)));
}

function withoutPause({ __interrupt__, ...values }: Values): Values {
  return values;
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

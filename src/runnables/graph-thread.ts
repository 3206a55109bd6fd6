import type { BaseMessage } from "@langchain/core/messages";
import { InvalidOptionError } from "../errors.js";
import type { GraphCommand, Thread } from "../frameworks/langgraph.js";
import { copied } from "../messages/copied.js";
import { interruptedTurn } from "../messages/interrupted.js";
import { digestOf } from "../options/digest.js";
import type { Turn } from "../turns/turn.js";
import { type MessageKeys, outputMessages } from "./messages.js";
import { lengthOfStored } from "./new-messages.js";
import { withDistinctIds } from "./own-ids.js";

// A graph with a checkpointer keeps a thread: its state, and the place where it stopped. While a turn waits for a person, the
// conversation has the final messages of the turn, and the thread has the rest, which is stored when the turn is resumed or
// given up. So the stored part is always the beginning of the same turn in the thread, and the messages behind the last
// stored one are new.

/** The messages of the thread in which a turn runs. */
export interface TurnThread {
  /** The messages of the thread up to the last one that is stored. */
  readonly stored: readonly BaseMessage[];
  /** The rest of an unfinished turn. The graph receives it again, with results for its open calls. */
  readonly unfinished: readonly BaseMessage[];
  /** The rest of a turn that waited for a person, and was given up. It is stored with the turn that begins. */
  readonly givenUp: readonly BaseMessage[];
}

/**
 * Returns the messages of the input, each with an id, for a turn whose operation id the caller chose. A repeated request has
 * the same ids, which show that an earlier run of that request left the thread.
 */
export function saidUnder(operationId: string, said: readonly BaseMessage[]): BaseMessage[] {
  return said.map((message, index) =>
    message.id === undefined ? copied(message, { id: digestOf("said", operationId, String(index)) }) : message,
  );
}

/**
 * Returns the messages of the input, each with an id that no past message has. If other turns followed an earlier run of the
 * request, its question is in the past, and is sent once more.
 */
export function saidBehind(past: readonly BaseMessage[], said: readonly BaseMessage[]): readonly BaseMessage[] {
  return withDistinctIds([...past, ...said]).slice(past.length);
}

/** Returns true if the thread has the messages of this turn's input, because an earlier run of the request left it. */
export function hasSaid(thread: Thread, said: readonly BaseMessage[], keys: MessageKeys): boolean {
  const ids = new Set(said.map(({ id }) => id));
  return messagesOf(thread, keys).some(({ id, type }) => type === "human" && ids.has(id));
}

/** Returns the thread's messages for a turn with a new input. */
export async function threadBefore(thread: Thread, turn: Turn, keys: MessageKeys): Promise<TurnThread> {
  if (!thread.isOpen) return { stored: [], unfinished: [], givenUp: [] };
  const { stored, rest } = await split(thread, turn, keys);
  // A turn that pauses stores the user's message. If that is not stored, the turn may be under way, and will store it.
  if (stored.length > 0 && rest.every(({ type }) => type !== "human")) {
    const givenUp = interruptedTurn(rest);
    return { stored, unfinished: givenUp, givenUp };
  }
  // With historyMessagesKey, the history goes to another part of the state than the thread's messages.
  return { stored, unfinished: keys.historyMessagesKey === undefined ? rest : [], givenUp: [] };
}

/**
 * Returns the past with the rest of an unfinished turn in it. The rest follows the messages that the thread has, and is in
 * front of those that other turns stored, because a thread puts new messages behind its own.
 */
export function pastWith({ stored, unfinished }: TurnThread, past: readonly BaseMessage[]): readonly BaseMessage[] {
  if (unfinished.length === 0) return past;
  const length = lengthOfStored(past, stored);
  return [...past.slice(0, length), ...unfinished, ...past.slice(length)];
}

/**
 * Returns the thread's messages for a turn that is resumed.
 *
 * @throws InvalidOptionError if there is nothing to resume, or the conversation has none of the thread's messages.
 */
export async function threadToResume(
  { resume }: GraphCommand,
  thread: Thread,
  turn: Turn,
  keys: MessageKeys,
): Promise<TurnThread> {
  const { stored, rest } = await split(thread, turn, keys);
  if (stored.length === 0 && rest.length > 0) {
    throw new InvalidOptionError(
      "input",
      "the conversation has none of the messages of the thread that this Command resumes: it was cleared, or is another " +
        "conversation. Pass the user's message as the input, with another thread_id.",
    );
  }
  if (resume !== undefined && !thread.isOpen && rest.length === 0) {
    throw new InvalidOptionError(
      "input",
      "nothing waits in this thread: it was already resumed, or removed, or the thread_id is wrong. Read the stored " +
        "messages, or pass the user's message as the input.",
    );
  }
  return { stored, unfinished: [], givenUp: [] };
}

/** Splits the messages of a thread behind the last stored one, even if a window hides that one. */
async function split(
  thread: Thread,
  turn: Turn,
  keys: MessageKeys,
): Promise<{ stored: readonly BaseMessage[]; rest: readonly BaseMessage[] }> {
  const messages = messagesOf(thread, keys);
  if (messages.length === 0) return { stored: [], rest: [] };
  const lengthIn = (all: readonly BaseMessage[]): number => lengthOfStored(messages, withDistinctIds(all));
  const length = lengthIn(turn.past) || lengthIn(await turn.everything());
  return { stored: messages.slice(0, length), rest: messages.slice(length) };
}

/** Returns the messages of the thread's state. Leaves out messages without an id, because they cannot be recognised. */
function messagesOf({ values }: Thread, keys: MessageKeys): BaseMessage[] {
  try {
    return outputMessages(values, keys).filter(({ id }) => id !== undefined);
  } catch {
    return []; // The graph has no messages yet.
  }
}

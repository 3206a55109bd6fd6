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

// A graph with a checkpointer keeps a thread: its state, and where it stopped. Of a turn that waits for a person, the
// conversation holds what is final, and the thread the rest, which is stored when the turn is resumed, or given up. So a
// stored turn is always the beginning of the same turn in the thread, and what follows its last stored message is new.

/** What a turn has to know of the thread that it runs in. */
export interface TurnThread {
  /** The messages of the thread up to the last one that is stored. */
  readonly stored: readonly BaseMessage[];
  /** The rest of a turn that has not come to its end. The graph is given it again, with answers to its open calls. */
  readonly unfinished: readonly BaseMessage[];
  /** The rest of a turn that waited for a person, and was given up. It is stored with the turn that begins. */
  readonly givenUp: readonly BaseMessage[];
}

/**
 * Returns what is said in a turn whose operation id the caller chose, each message with an id. A repeated request says it
 * under the same ids. They show that a thread was left by an earlier run of that request.
 */
export function saidUnder(operationId: string, said: readonly BaseMessage[]): BaseMessage[] {
  return said.map((message, index) =>
    message.id === undefined ? copied(message, { id: digestOf("said", operationId, String(index)) }) : message,
  );
}

/**
 * Returns what is said, each message with another id than those of the past. Where other turns followed an earlier run of
 * the request, its question is in the past, and is said once more.
 */
export function saidBehind(past: readonly BaseMessage[], said: readonly BaseMessage[]): readonly BaseMessage[] {
  return withDistinctIds([...past, ...said]).slice(past.length);
}

/** Returns true when the thread has what is said in this turn: an earlier run of the request has left it. */
export function hasSaid(thread: Thread, said: readonly BaseMessage[], keys: MessageKeys): boolean {
  const ids = new Set(said.map(({ id }) => id));
  return messagesOf(thread, keys).some(({ id, type }) => type === "human" && ids.has(id));
}

/** Returns what a turn with a new input finds in the thread. */
export async function threadBefore(thread: Thread, turn: Turn, keys: MessageKeys): Promise<TurnThread> {
  if (!thread.isOpen) return { stored: [], unfinished: [], givenUp: [] };
  const { stored, rest } = await split(thread, turn, keys);
  // What a person said is stored when a turn pauses. If it is not, the turn may be under way, and is going to store it.
  if (stored.length > 0 && rest.every(({ type }) => type !== "human")) {
    const givenUp = interruptedTurn(rest);
    return { stored, unfinished: givenUp, givenUp };
  }
  // A graph that is given its history under another name does not find its thread there.
  return { stored, unfinished: keys.historyMessagesKey === undefined ? rest : [], givenUp: [] };
}

/**
 * Returns the past with the rest of an unfinished turn in it. That follows what the thread has, in front of what came on
 * another way: a thread puts what it does not have yet behind all that it has.
 */
export function pastWith({ stored, unfinished }: TurnThread, past: readonly BaseMessage[]): readonly BaseMessage[] {
  if (unfinished.length === 0) return past;
  const length = lengthOfStored(past, stored);
  return [...past.slice(0, length), ...unfinished, ...past.slice(length)];
}

/**
 * Returns what a turn that is resumed finds in the thread.
 *
 * @throws InvalidOptionError when there is nothing to resume, or the conversation holds nothing of the thread.
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
      "the conversation holds nothing of the thread that this Command resumes: it was cleared, or is another one. " +
        "Pass what the user says, with another thread_id.",
    );
  }
  if (resume !== undefined && !thread.isOpen && rest.length === 0) {
    throw new InvalidOptionError(
      "input",
      "nothing waits in this thread: it was resumed before, or removed, or its thread_id is another. Show what is " +
        "stored, or pass what the user says.",
    );
  }
  return { stored, unfinished: [], givenUp: [] };
}

/** Splits the messages of a thread behind the last one that is stored, also where a window hides that. */
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

/** Returns the messages of the thread's state. One without an id is none of a thread: nothing tells it from another. */
function messagesOf({ values }: Thread, keys: MessageKeys): BaseMessage[] {
  try {
    return outputMessages(values, keys).filter(({ id }) => id !== undefined);
  } catch {
    return []; // The graph has not said anything yet.
  }
}

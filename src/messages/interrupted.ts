import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import { saysNothing, wholePart } from "./answer.js";
import { copied } from "./copied.js";
import {
  type Call,
  callsOf,
  idOf,
  isResult,
  type Nullable,
  resultsAfter,
  standIn,
  takeResult,
  withValidCalls,
} from "./tool-calls.js";

const UNANSWERED = "The turn was interrupted before this returned a result.";

/**
 * Returns the messages to store of an interrupted turn, in a form that a provider accepts with the next turn. An answer that
 * broke off keeps its whole blocks, and is left out if it has none. Each call without a result gets an error as its result.
 * The last message is marked `response_metadata.interrupted`.
 */
export function interruptedTurn(messages: readonly BaseMessage[]): BaseMessage[] {
  const broken = messages.findLastIndex((message) => !AIMessage.isInstance(message)) + 1;
  const said = messages
    .map((message, index) => {
      if (!AIMessage.isInstance(message)) return message;
      const answer = withValidCalls(withAnswerableCalls(message));
      return index < broken ? answer : wholePart(answer, { cut: "interruption" });
    })
    .filter((message) => !saysNothing(message));
  const last = said.pop();
  return last === undefined ? [] : sealed([...said, marked(last)]);
}

/**
 * Returns the messages with each call followed by its result, or by an error in its place. Adds no errors for the calls of
 * the last message, because their results may still follow.
 */
export function withAnswers(messages: readonly BaseMessage[]): BaseMessage[] {
  const last = messages.findLastIndex((message) => !isResult(message));
  return [...sealed(messages.slice(0, Math.max(0, last))), ...messages.slice(Math.max(0, last))];
}

/** Returns the messages in front of the first call without a result. */
export function inFrontOfOpenCall(messages: readonly BaseMessage[]): BaseMessage[] {
  return inFrontOf(messages, (message, index) => isOpen(messages, message, index));
}

/**
 * Returns the final messages of a turn that waits for a person: the calls and their results in front of the first answer in
 * words (which that person may still change), of the latest answer, and of any call without a result.
 */
export function finalPart(messages: readonly BaseMessage[]): BaseMessage[] {
  const latest = messages.findLast((message) => AIMessage.isInstance(message));
  return inFrontOf(
    messages,
    (message, index) =>
      message === latest ||
      (AIMessage.isInstance(message) && callsOf(message).length === 0) ||
      isOpen(messages, message, index),
  );
}

function inFrontOf(
  messages: readonly BaseMessage[],
  isMeant: (message: BaseMessage, index: number) => boolean,
): BaseMessage[] {
  const end = messages.findIndex(isMeant);
  return messages.slice(0, end === -1 ? messages.length : end);
}

function isOpen(messages: readonly BaseMessage[], message: BaseMessage, index: number): boolean {
  const results = resultsAfter(messages, index);
  return callsOf(message).some((call) => takeResult(results, call) === undefined);
}

function sealed(messages: readonly BaseMessage[]): BaseMessage[] {
  return messages.flatMap((message, index) => {
    // A result whose call is not among these messages stays where it is, because the call may already be stored.
    if (isResult(message)) return answersOneBefore(messages, index) ? [] : [message];
    const results = resultsAfter(messages, index);
    // Use the same id each time, because a graph with a checkpointer takes a message without an id for a new one.
    const named = ({ name = "" }: Call): string | undefined => message.id && `interrupted-${message.id}-${name}`;
    return [
      message,
      ...callsOf(message).map((call) => takeResult(results, call) ?? standIn(call, UNANSWERED, named(call))),
    ];
  });
}

function answersOneBefore(messages: readonly BaseMessage[], index: number): boolean {
  const caller = messages.slice(0, index).findLastIndex((message) => !isResult(message));
  const result = messages[index];
  if (caller === -1 || result === undefined) return false;
  return callsOf(messages[caller] ?? result).some((call) => takeResult([result], call) !== undefined);
}

/** Returns the answer without calls that have no id because the stream broke off. No result could name such a call. */
function withAnswerableCalls(message: AIMessage): AIMessage {
  const { tool_calls, invalid_tool_calls, additional_kwargs } = message as Nullable<AIMessage>;
  const { tool_calls: rawCalls, ...kwargs } = additional_kwargs ?? {};
  const [calls, invalid, raw] = [tool_calls ?? [], invalid_tool_calls ?? [], rawCalls ?? []];
  if ([...calls, ...invalid, ...raw].every(hasId)) return message;
  const named = raw.filter(hasId);
  return copied(message, {
    tool_calls: calls.filter(hasId),
    invalid_tool_calls: invalid.filter(hasId),
    additional_kwargs: named.length === 0 ? kwargs : { ...kwargs, tool_calls: named },
  });
}

function hasId({ id }: { id?: string | undefined }): boolean {
  return idOf(id) !== undefined;
}

function marked(message: BaseMessage): BaseMessage {
  return copied(message, { response_metadata: { ...message.response_metadata, interrupted: true } });
}

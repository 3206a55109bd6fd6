import { AIMessage, type BaseMessage, type ContentBlock, FunctionMessage, ToolMessage } from "@langchain/core/messages";
import { copied } from "./copied.js";
import { type Call, callsOf, isResult, resultsAfter, takeResult } from "./tool-calls.js";

const UNANSWERED = "The turn was interrupted before this returned a result.";

/**
 * What is stored of a turn that was interrupted, such that a provider accepts it with the next one: the last message is
 * marked `response_metadata.interrupted`, and each call without a result gets one that says so. An empty answer is left
 * out: providers refuse it.
 */
export function interruptedTurn(messages: readonly BaseMessage[]): BaseMessage[] {
  const said = messages.map(withAnswerableCalls).filter((message) => !isEmptyAnswer(message));
  const last = said.pop();
  return last === undefined ? [] : sealed([...said, marked(last)]);
}

/** The messages, each call followed by its results, or errors in their place; those of the last message may follow yet. */
export function withAnswers(messages: readonly BaseMessage[]): BaseMessage[] {
  const last = messages.findLastIndex((message) => !isResult(message));
  return [...sealed(messages.slice(0, Math.max(0, last))), ...messages.slice(Math.max(0, last))];
}

function sealed(messages: readonly BaseMessage[]): BaseMessage[] {
  return messages.flatMap((message, index) => {
    // Kept where they are when their call is not among these: it may be stored already.
    if (isResult(message)) return answersOneBefore(messages, index) ? [] : [message];
    const results = resultsAfter(messages, index);
    const calls = callsOf(message).filter(({ name }) => name !== undefined);
    return [message, ...calls.map((call) => takeResult(results, call) ?? unanswered(call))];
  });
}

function answersOneBefore(messages: readonly BaseMessage[], index: number): boolean {
  const caller = messages.slice(0, index).findLastIndex((message) => !isResult(message));
  const result = messages[index];
  if (caller === -1 || result === undefined) return false;
  return callsOf(messages[caller] ?? result).some((call) => takeResult([result], call) !== undefined);
}

function unanswered({ type, name }: Call): BaseMessage {
  const response_metadata = { interrupted: true };
  const named = String(name);
  return type === "tool"
    ? new ToolMessage({ content: UNANSWERED, tool_call_id: named, status: "error", response_metadata })
    : new FunctionMessage({ content: UNANSWERED, name: named, response_metadata });
}

/** Of a stream that broke off, a call may lack its id yet: nothing could answer it. */
function withAnswerableCalls(message: BaseMessage): BaseMessage {
  if (!AIMessage.isInstance(message)) return message;
  const { tool_calls: calls = [], invalid_tool_calls: invalid = [] } = message;
  if ([...calls, ...invalid].every((call) => call.id !== undefined)) return message;
  return copied(message, { tool_calls: calls.filter(hasId), invalid_tool_calls: invalid.filter(hasId) });
}

function hasId({ id }: { id?: string | undefined }): boolean {
  return id !== undefined;
}

/** A text block that was begun and has no text yet is refused too. */
function isEmptyAnswer(message: BaseMessage): boolean {
  if (!AIMessage.isInstance(message) || callsOf(message).length > 0) return false;
  const { content } = message;
  return typeof content === "string" ? isBlank(content) : content.every(isBlankText);
}

function isBlankText({ type, text = "" }: ContentBlock): boolean {
  return type === "text" && typeof text === "string" && isBlank(text);
}

function isBlank(text: string): boolean {
  return text.trim() === "";
}

function marked(message: BaseMessage): BaseMessage {
  return copied(message, { response_metadata: { ...message.response_metadata, interrupted: true } });
}

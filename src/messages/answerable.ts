import { AIMessage, type BaseMessage, ToolMessage } from "@langchain/core/messages";
import { saysNothing, wholePart } from "./answer.js";
import { answeredBy, requestsOf } from "./requests.js";
import { type Call, callsOf, isResult, resultsAfter, standIn, takeResult, withValidCalls } from "./tool-calls.js";

const UNANSWERED = "No result came of this call.";

/**
 * Returns the past in a form that a provider accepts. Repairs the following, and nothing else:
 * - A call without a result gets an error as its result.
 * - A result that came late is put after its call. It replaces an error that was stored when the turn was interrupted.
 * - A result without a call is left out, and so is an answer with neither content nor calls.
 * - An answer that was cut short loses its incomplete blocks.
 *
 * Messages that need no repair are the same objects.
 *
 * @param said the messages that follow the past. Results at the beginning answer calls of the last answer.
 */
export function answerable(past: readonly BaseMessage[], said: readonly BaseMessage[] = []): BaseMessage[] {
  return withCallsAnswered(withoutStrayAnswers(past), said);
}

/**
 * Returns the past without a user's answers to requests that are not in it. Providers refuse such an answer, for example the
 * approval of an MCP tool, unless the request is in front of it.
 */
function withoutStrayAnswers(past: readonly BaseMessage[]): readonly BaseMessage[] {
  if (past.every((message) => answeredBy(message).length === 0)) return past;
  const asked = new Set<unknown>();
  const strays = past.filter((message) => {
    for (const id of requestsOf(message)) asked.add(id);
    return answeredBy(message).some((id) => !asked.has(id));
  });
  return strays.length === 0 ? past : past.filter((message) => !strays.includes(message));
}

function withCallsAnswered(past: readonly BaseMessage[], said: readonly BaseMessage[]): BaseMessage[] {
  // Walk from the end, so that a late result is found before its call.
  const shown: BaseMessage[] = [];
  const strays: BaseMessage[] = [];
  let direct: BaseMessage[] = [];
  let next = said.find((message) => !isResult(message));
  let following = said.slice(0, resultsAfter(said, -1).length);
  for (let index = past.length - 1; index >= 0; index -= 1) {
    const message = past[index] as BaseMessage;
    if (isResult(message)) {
      direct.unshift(message);
      continue;
    }
    direct = withoutOutdated(direct, [...following, ...strays], message);
    const unused = [...direct, ...following];
    // A user can also answer a call in the content of a message.
    const answered = answeredBy(next);
    const open = callsOf(message).filter(
      (call) => takeResult(unused, call) === undefined && !answered.includes(String(call.name)),
    );
    // Use the same id each time, because a graph with a checkpointer takes another id for another message.
    const idOf = ({ name = "" }: Call): string => `no-result-${message.id ?? index}-${name}`;
    const late = open.map((call) => takeResult(strays, call) ?? standIn(call, UNANSWERED, idOf(call)));
    const isStray = (result: BaseMessage): boolean => unused.includes(result) && !answersItem(result, message);
    const results = direct.filter((result) => !isStray(result));
    shown.push(...[...results, ...late].toReversed(), ...mended(message, open.length > 0, next));
    if (direct.length > 0) strays.unshift(...direct.filter(isStray));
    [direct, following, next] = [[], [], message];
  }
  return shown.toReversed();
}

/**
 * Returns the results that follow a message directly, without outdated errors. An interruption of a turn stores an error as
 * the result of its open call. If the turn is resumed later, the call gets its real result, and the error is outdated.
 */
function withoutOutdated(direct: BaseMessage[], others: readonly BaseMessage[], message: BaseMessage): BaseMessage[] {
  const errors = direct.filter(({ response_metadata }) => response_metadata["interrupted"] === true);
  if (errors.length === 0) return direct;
  const results = [...direct.filter((result) => !errors.includes(result)), ...others];
  const outdated = new Set<BaseMessage>();
  for (const call of callsOf(message)) {
    const error = takeResult(errors, call);
    if (error !== undefined && takeResult(results, call) !== undefined) outdated.add(error);
  }
  return direct.filter((result) => !outdated.has(result));
}

/**
 * Returns true for a result whose call is only among the items of the answer. Older packages of OpenAI keep calls of
 * built-in tools there.
 */
function answersItem(result: BaseMessage, answer: BaseMessage): boolean {
  if (!ToolMessage.isInstance(result)) return false;
  const { tool_call_id: id } = result;
  return requestsOf(answer).includes(id) && callsOf(answer).every(({ name }) => name !== id);
}

function mended(message: BaseMessage, isOpen: boolean, next: BaseMessage | undefined): BaseMessage[] {
  if (!AIMessage.isInstance(message)) return [message];
  const answer = isOpen ? withValidCalls(message) : message;
  const whole = wholePart(answer, { next: next?.type });
  return saysNothing(whole) ? [] : [whole];
}

import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import { saysNothing, wholePart } from "./answer.js";
import { answeredBy, requestsOf } from "./requests.js";
import { callsOf, isResult, resultsAfter, standIn, takeResult, withValidCalls } from "./tool-calls.js";

const UNANSWERED = "No result came of this call.";

/**
 * Returns the past as a model can be shown it. Mends what no provider accepts, and nothing else: a call that nobody
 * answered gets an error as its result, a result that came late stands behind its call, a result without a call is left
 * out, and so are an answer with neither content nor calls, and blocks of an answer cut short that are not whole.
 * Messages that need no mending are the same objects.
 *
 * @param said what follows the past: results at its beginning answer calls of the last answer.
 */
export function answerable(past: readonly BaseMessage[], said: readonly BaseMessage[] = []): BaseMessage[] {
  return withCallsAnswered(withoutStrayAnswers(past), said);
}

/** A user's answer to a request (the approval of an MCP tool, say) is refused when the request is not in front of it. */
function withoutStrayAnswers(past: readonly BaseMessage[]): readonly BaseMessage[] {
  const asked = new Set<unknown>();
  const strays = past.filter((message) => {
    for (const id of requestsOf(message)) asked.add(id);
    return answeredBy(message).some((id) => !asked.has(id));
  });
  return strays.length === 0 ? past : past.filter((message) => !strays.includes(message));
}

function withCallsAnswered(past: readonly BaseMessage[], said: readonly BaseMessage[]): BaseMessage[] {
  const shown: BaseMessage[][] = [];
  /** Results whose call may stand further up. */
  const strays: BaseMessage[] = [];
  for (let end = past.length; end > 0;) {
    let index = end - 1;
    while (index >= 0 && isResult(past[index])) index -= 1;
    const direct = past.slice(index + 1, end);
    const message = past[index];
    const unused = end === past.length ? [...direct, ...said.slice(0, resultsAfter(said, -1).length)] : [...direct];
    // A user can answer a call in the content of a message.
    const answered = answeredBy(end === past.length ? said.find((one) => !isResult(one)) : past[end]);
    const open = (message === undefined ? [] : callsOf(message)).filter(
      (call) => takeResult(unused, call) === undefined && !answered.includes(String(call.name)),
    );
    const late = open.map((call) => takeResult(strays, call) ?? standIn(call, UNANSWERED));
    const answer = message === undefined ? [] : mended(message, open.length > 0);
    shown.push([...answer, ...direct.filter((result) => !unused.includes(result)), ...late]);
    strays.unshift(...direct.filter((result) => unused.includes(result)));
    end = index;
  }
  return shown.toReversed().flat();
}

function mended(message: BaseMessage, isOpen: boolean): BaseMessage[] {
  if (!AIMessage.isInstance(message)) return [message];
  const answer = isOpen ? withValidCalls(message) : message;
  const whole = wholePart(answer);
  return saysNothing(whole) ? [] : [whole];
}

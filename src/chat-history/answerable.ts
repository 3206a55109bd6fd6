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
  if (past.every((message) => answeredBy(message).length === 0)) return past;
  const asked = new Set<unknown>();
  const strays = past.filter((message) => {
    for (const id of requestsOf(message)) asked.add(id);
    return answeredBy(message).some((id) => !asked.has(id));
  });
  return strays.length === 0 ? past : past.filter((message) => !strays.includes(message));
}

function withCallsAnswered(past: readonly BaseMessage[], said: readonly BaseMessage[]): BaseMessage[] {
  /** From the end: a result that came late is met before its call. */
  const shown: BaseMessage[] = [];
  const strays: BaseMessage[] = [];
  let direct: BaseMessage[] = [];
  for (let index = past.length - 1; index >= 0; index -= 1) {
    const message = past[index] as BaseMessage;
    if (isResult(message)) {
      direct.unshift(message);
      continue;
    }
    const calls = callsOf(message);
    if (calls.length > 0) {
      const behind = past[index + direct.length + 1] ?? said.find((one) => !isResult(one));
      const atEnd = index + direct.length + 1 === past.length;
      const unused = atEnd ? [...direct, ...said.slice(0, resultsAfter(said, -1).length)] : [...direct];
      // A user can answer a call in the content of a message.
      const answered = answeredBy(behind);
      const open = calls.filter(
        (call) => takeResult(unused, call) === undefined && !answered.includes(String(call.name)),
      );
      const late = open.map((call) => takeResult(strays, call) ?? standIn(call, UNANSWERED));
      const results = direct.filter((result) => !unused.includes(result));
      shown.push(...[...results, ...late].toReversed(), ...mended(message, open.length > 0));
      direct = direct.filter((result) => unused.includes(result));
    } else {
      shown.push(...mended(message, false));
    }
    strays.unshift(...direct);
    direct = [];
  }
  return shown.toReversed();
}

function mended(message: BaseMessage, isOpen: boolean): BaseMessage[] {
  if (!AIMessage.isInstance(message)) return [message];
  const answer = isOpen ? withValidCalls(message) : message;
  const whole = wholePart(answer);
  return saysNothing(whole) ? [] : [whole];
}

import type { BaseMessage } from "@langchain/core/messages";
import { InvalidOptionError } from "../errors.js";
import { answeredBy, requestsOf } from "./requests.js";
import { callsOf, isResult, resultsAfter, takeResult } from "./tool-calls.js";

/**
 * The newest part of a history that a provider accepts: at most that many messages, or tokens as `tokenCounter`
 * counts them. It starts on a human or system message and holds no tool result without its call, no call without its
 * result, and no approval (of an MCP tool) without the request for it, so it can be shorter than the limit, or empty. It
 * limits what is read, never what is stored.
 *
 * `{ messages }` reads only that many entries. `{ tokens }` reads the whole list (set `maxMessages` to bound it) and
 * calls `tokenCounter` a few times, with longer and longer newest parts.
 *
 * @example
 * ```ts
 * const window: Window = { tokens: 4_000, tokenCounter: (messages) => model.getNumTokens(getBufferString(messages)) };
 * ```
 */
export type Window =
  | { readonly messages: number }
  | { readonly tokens: number; readonly tokenCounter: (messages: BaseMessage[]) => number | Promise<number> };

/**
 * The part of `tail` (the newest messages, oldest first) that a provider accepts: it starts on a human or system
 * message, every tool call stands before its results, and whatever a user answers (an approval of an MCP tool, say) stands
 * before the answer. A call that was never answered is left out with whatever results it has, and so is a result whose
 * call is not there; providers answer 400 to either.
 *
 * @param said what follows: results at its beginning, or a user's message, answer calls of the last answer.
 */
export function acceptablePart(tail: readonly BaseMessage[], said: readonly BaseMessage[] = []): BaseMessage[] {
  const [start] = startsOf(tail);
  return start === undefined ? [] : withoutBrokenToolCalls(tail.slice(start), said);
}

/** Returns the messages without the calls and results at their beginning: what is left of a turn that was cut. */
export function withoutTornTurn(messages: BaseMessage[]): BaseMessage[] {
  const start = messages.findIndex((message) => !isResult(message) && callsOf(message).length === 0);
  return start === -1 ? [] : messages.slice(start);
}

/** The longest acceptable newest part of at most `window.tokens`. `count` is how many messages there are. */
export async function withinTokens(
  messages: readonly BaseMessage[],
  window: Extract<Window, { tokens: number }>,
  said: readonly BaseMessage[] = [],
): Promise<BaseMessage[]> {
  const starts = startsOf(messages);
  const partFrom = async (ordinal: number): Promise<BaseMessage[] | undefined> => {
    const part = acceptablePart(messages.slice(starts[ordinal]), said);
    return (await countTokens(part, window)) <= window.tokens ? part : undefined;
  };

  // A longer part has more tokens. Gallop back from the newest start until one is too long, then halve the gap, so
  // that the counter sees a few short lists rather than the whole history.
  let fits = starts.length;
  let tooLong = -1;
  let best: BaseMessage[] = [];
  for (let step = 1; fits > 0 && tooLong === -1; step *= 2) {
    const candidate = Math.max(0, fits - step);
    const part = await partFrom(candidate);
    if (part) [fits, best] = [candidate, part];
    else tooLong = candidate;
  }
  while (fits - tooLong > 1 && tooLong !== -1) {
    const candidate = Math.floor((fits + tooLong) / 2);
    const part = await partFrom(candidate);
    if (part) [fits, best] = [candidate, part];
    else tooLong = candidate;
  }
  return best;
}

async function countTokens(
  messages: BaseMessage[],
  { tokenCounter }: Extract<Window, { tokens: number }>,
): Promise<number> {
  const tokens = await tokenCounter(messages);
  if (typeof tokens !== "number" || Number.isNaN(tokens)) {
    throw new InvalidOptionError("window.tokenCounter", "it must return a number of tokens.");
  }
  return tokens;
}

/** The indexes of the messages on which a part can start: none between a request and what the user answered to it. */
function startsOf(messages: readonly BaseMessage[]): number[] {
  const starts: number[] = [];
  const askedAt = new Map<unknown, number>();
  for (const [index, message] of messages.entries()) {
    if (message.type === "human" || message.type === "system") starts.push(index);
    for (const id of requestsOf(message)) askedAt.set(id, index);
    const earliest = Math.min(index, ...answeredBy(message).map((id) => askedAt.get(id) ?? -1));
    if (earliest === index) continue;
    while ((starts.at(-1) ?? -1) > earliest) starts.pop();
  }
  return starts;
}

function withoutBrokenToolCalls(messages: readonly BaseMessage[], said: readonly BaseMessage[]): BaseMessage[] {
  const kept: BaseMessage[] = [];
  const all = [...messages, ...said];
  /** What a user can still answer, in any later message; the results of calls only directly behind them. */
  const asked = new Set<unknown>();
  let called: readonly (string | undefined)[] = [];
  for (const [index, message] of messages.entries()) {
    if (isResult(message)) continue; // Kept with its call, or not at all.
    const isAsked = answeredBy(message).every((id) => asked.has(id) || called.includes(id));
    called = [];
    if (!isAsked) continue;

    const calls = callsOf(message);
    const names = calls.map(({ name }) => name);
    const requests = requestsOf(message).filter((id) => !names.includes(id));
    const results = resultsAfter(all, index);
    const behind = all[index + results.length + 1];
    const answers = calls.map((call) => takeResult(results, call));
    const left = names.filter((_name, position) => answers[position] === undefined);
    if (left.length > 0 && !answersAll(behind, left, new Set([...asked, ...requests, ...left]))) continue;
    kept.push(message, ...answers.filter((answer) => answer !== undefined).filter((answer) => !said.includes(answer)));
    for (const id of requests) asked.add(id);
    called = left;
  }
  return kept;
}

/** Whether the user's message answers these calls, and nothing that it may not. */
function answersAll(
  message: BaseMessage | undefined,
  calls: readonly (string | undefined)[],
  allowed: ReadonlySet<unknown>,
): boolean {
  const answered: readonly (string | undefined)[] = answeredBy(message);
  return calls.every((name) => answered.includes(name)) && answered.every((id) => allowed.has(id));
}

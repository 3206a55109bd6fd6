import type { BaseMessage } from "@langchain/core/messages";
import { InvalidOptionError } from "../errors.js";
import { answeredBy, requestsOf } from "./requests.js";
import { callsOf, isResult, resultsAfter, takeResult } from "./tool-calls.js";

/**
 * Limits what is read to the newest part of a history that a provider accepts: at most `messages` messages, or at most
 * `tokens` tokens by your `tokenCounter`. It never limits what is stored.
 *
 * The part starts with a human or system message. It contains no tool result without its call, no call without its result,
 * and no approval (of an MCP tool) without its request. So it can be shorter than the limit, or empty.
 *
 * With `{ messages }`, only that many entries are read. With `{ tokens }`, the whole list is read (set `maxMessages` to bound
 * it), and `tokenCounter` is called a few times with longer and longer parts.
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
 * Returns the part of `tail` (the newest messages, oldest first) that a provider accepts. It starts with a human or system
 * message. Every tool call is before its results, and every request (for the approval of an MCP tool, for example) is
 * before the user's answer. An answer with an open call is left out together with its results, and so is a result without
 * its call. Providers answer 400 to either.
 *
 * @param said the messages that follow the tail. Results at the beginning, or a user's message, answer calls of the last
 * answer.
 */
export function acceptablePart(tail: readonly BaseMessage[], said: readonly BaseMessage[] = []): BaseMessage[] {
  const [start] = startsOf(tail);
  return start === undefined ? [] : withoutBrokenToolCalls(tail.slice(start), said);
}

/** Returns the messages without the calls and results at the beginning, which are the rest of a turn that was cut. */
export function withoutTornTurn(messages: BaseMessage[]): BaseMessage[] {
  const start = messages.findIndex((message) => !isResult(message) && callsOf(message).length === 0);
  return start === -1 ? [] : messages.slice(start);
}

/**
 * Returns the longest newest part of the messages that a provider accepts and that has at most `window.tokens` tokens.
 *
 * @param said the messages that follow.
 * @throws InvalidOptionError if `tokenCounter` does not return a number.
 */
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

  // A longer part has more tokens. So search back from the newest start in growing steps until a part is too long, then halve
  // the gap. The counter then receives a few short lists, rather than the whole history.
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
    throw new InvalidOptionError("window.tokenCounter", "return the number of tokens from it.");
  }
  return tokens;
}

/** Returns the indexes at which a part can start. No part starts between a request and the user's answer to it. */
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
  /** The requests that a user can still answer in any later message. Calls are answered directly after them. */
  const asked = new Set<unknown>();
  let called: readonly (string | undefined)[] = [];
  for (const [index, message] of messages.entries()) {
    if (isResult(message)) continue; // A result is kept only together with its call, below.
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

/** Returns true if the user's message answers all of these calls, and only allowed requests. */
function answersAll(
  message: BaseMessage | undefined,
  calls: readonly (string | undefined)[],
  allowed: ReadonlySet<unknown>,
): boolean {
  const answered: readonly (string | undefined)[] = answeredBy(message);
  return calls.every((name) => answered.includes(name)) && answered.every((id) => allowed.has(id));
}

import type { BaseMessage } from "@langchain/core/messages";
import { InvalidOptionError } from "../errors.js";
import type { Window } from "./options.js";
import { callsOf, isResult, resultsAfter, takeResult } from "./tool-calls.js";

/**
 * The part of `tail` (the newest messages, oldest first) that a provider accepts: it starts on a human or system
 * message, and every tool call stands before its results. A call that was never answered is left out with whatever
 * results it has, and so is a result whose call is not there; providers answer 400 to either.
 *
 * @param said what follows: results at its beginning answer calls of the last answer.
 */
export function acceptablePart(tail: readonly BaseMessage[], said: readonly BaseMessage[] = []): BaseMessage[] {
  const start = tail.findIndex(canStart);
  return start === -1 ? [] : withoutBrokenToolCalls(tail.slice(start), said);
}

/** Returns the messages from the first that a conversation can start with; all, when none can. */
export function fromFirstStart(messages: BaseMessage[]): BaseMessage[] {
  const start = messages.findIndex(canStart);
  return start > 0 ? messages.slice(start) : messages;
}

/** The longest acceptable newest part of at most `window.tokens`. `count` is how many messages there are. */
export async function withinTokens(
  messages: readonly BaseMessage[],
  window: Extract<Window, { tokens: number }>,
  said: readonly BaseMessage[] = [],
): Promise<BaseMessage[]> {
  const starts = messages.flatMap((message, index) => (canStart(message) ? [index] : []));
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

function canStart(message: BaseMessage): boolean {
  return message.type === "human" || message.type === "system";
}

function withoutBrokenToolCalls(messages: readonly BaseMessage[], said: readonly BaseMessage[]): BaseMessage[] {
  const kept: BaseMessage[] = [];
  const all = [...messages, ...said];
  for (const [index, message] of messages.entries()) {
    if (isResult(message)) continue; // Kept with its call, or not at all.
    const results = resultsAfter(all, index);
    const calls = callsOf(message);
    const answers = calls.map((call) => takeResult(results, call)).filter((answer) => answer !== undefined);
    if (answers.length === calls.length) kept.push(message, ...answers.filter((answer) => !said.includes(answer)));
  }
  return kept;
}

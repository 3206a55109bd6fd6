import type { AIMessage, BaseMessage, ToolMessage } from "@langchain/core/messages";
import { InvalidOptionError } from "../errors.js";
import type { Window } from "./options.js";

/**
 * The part of `tail` (the newest messages, oldest first) that a provider accepts: it starts on a human or system
 * message, and every tool call stands before its results. A call that was never answered is left out with whatever
 * results it has, and so is a result whose call is not there; providers answer 400 to either.
 */
export function acceptablePart(tail: readonly BaseMessage[]): BaseMessage[] {
  const start = tail.findIndex(canStart);
  return start === -1 ? [] : withoutBrokenToolCalls(tail.slice(start));
}

/** The longest acceptable newest part of at most `window.tokens`. `count` is how many messages there are. */
export async function withinTokens(
  messages: readonly BaseMessage[],
  window: Extract<Window, { tokens: number }>,
): Promise<BaseMessage[]> {
  const starts = messages.flatMap((message, index) => (canStart(message) ? [index] : []));
  const partFrom = async (ordinal: number): Promise<BaseMessage[] | undefined> => {
    const part = acceptablePart(messages.slice(starts[ordinal]));
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

function withoutBrokenToolCalls(messages: readonly BaseMessage[]): BaseMessage[] {
  const kept: BaseMessage[] = [];
  for (let index = 0; index < messages.length;) {
    const message = messages[index++] as BaseMessage;
    if (message.type === "tool") continue;
    const calls = message.type === "ai" ? ((message as AIMessage).tool_calls ?? []) : [];
    if (calls.length === 0) {
      kept.push(message);
      continue;
    }
    const results = new Map<string, BaseMessage>();
    while (messages[index]?.type === "tool") {
      const result = messages[index++] as ToolMessage;
      if (!results.has(result.tool_call_id)) results.set(result.tool_call_id, result);
    }
    const answers = [...results].filter(([id]) => calls.some((call) => call.id === id));
    if (answers.length === calls.length) kept.push(message, ...answers.map(([, result]) => result));
  }
  return kept;
}

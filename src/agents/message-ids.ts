import { createHash, randomUUID } from "node:crypto";
import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import { isObject } from "../codec/json.js";
import { giveId } from "../frameworks/langchain-core.js";
import { copied } from "../messages/copied.js";

// Messages are told apart by their ids. What is given an id here keeps it in a checkpoint too, which is made of `lc_kwargs`.

export function idsOf(messages: readonly BaseMessage[]): ReadonlySet<string> {
  return new Set(messages.flatMap(({ id }) => (id === undefined ? [] : [id])));
}

/** What the state gives an id would be told apart from what is kept here. */
export function withId<Message extends BaseMessage>(message: Message): Message {
  return message.id === undefined ? giveId(message, randomUUID()) : message;
}

/**
 * Messages that were stored without an id get one, the same each time, so that a thread knows them again. It depends on
 * what they say and on how many said the same before.
 */
export function withIds(messages: readonly BaseMessage[]): BaseMessage[] {
  const met = new Map<string, number>();
  return messages.map((message) => {
    if (message.id !== undefined) return message;
    const said = JSON.stringify([message.type, message.content]);
    const before = met.get(said) ?? 0;
    met.set(said, before + 1);
    return giveId(
      message,
      `stored-${createHash("sha256").update(`${before}:${said}`).digest("base64url").slice(0, 22)}`,
    );
  });
}

/** The same message anew: a copy with an id of its own. */
export function anew<Message extends BaseMessage>(message: Message): Message {
  return giveId(copied(message, {}), randomUUID());
}

/** The messages of a model's answer; with `responseFormat` it comes with what was made of it. */
export function answerOf(answer: unknown): BaseMessage[] {
  if (AIMessage.isInstance(answer)) return [answer];
  return hasMessages(answer) ? [...answer.messages] : [];
}

/**
 * The answer, each message with an id that none of `taken` has: a model that was scripted, or a proxy, may give each
 * answer the same, and it would take the place of an earlier one.
 */
export function withFreshIds<Answer>(answer: Answer, taken: (id: string) => boolean): Answer {
  const fresh = <Message extends BaseMessage>(message: Message): Message =>
    message.id !== undefined && taken(message.id) ? anew(message) : withId(message);
  if (AIMessage.isInstance(answer)) return fresh(answer);
  return hasMessages(answer) ? { ...answer, messages: answer.messages.map(fresh) } : answer;
}

function hasMessages(answer: unknown): answer is { messages: readonly BaseMessage[] } {
  return isObject(answer) && Array.isArray(answer["messages"]);
}

import { createHash, randomUUID } from "node:crypto";
import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import { isObject } from "../codec/json.js";
import { giveId } from "../frameworks/langchain-core.js";
import { copied } from "../messages/copied.js";

// Messages are told apart by their ids.

/** Returns the ids of those messages that have one. */
export function idsOf(messages: readonly BaseMessage[]): ReadonlySet<string> {
  return new Set(messages.flatMap(({ id }) => (id === undefined ? [] : [id])));
}

/** Returns the message with an id. If the state gave it one, the message would differ from the one that is kept here. */
export function withId<Message extends BaseMessage>(message: Message): Message {
  return message.id === undefined ? giveId(message, randomUUID()) : message;
}

/**
 * Returns the messages, each with an id. A message that was stored without one gets the same id each time, so that a
 * thread knows it again: the id depends on what the message says, and on how many messages said the same before.
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

/** Returns a copy of the message with an id of its own: the same is said once more. */
export function anew<Message extends BaseMessage>(message: Message): Message {
  return giveId(copied(message, {}), randomUUID());
}

/** Returns the messages of a model's answer. With `responseFormat` they come with the structured response. */
export function answerOf(answer: unknown): BaseMessage[] {
  if (AIMessage.isInstance(answer)) return [answer];
  return hasMessages(answer) ? [...answer.messages] : [];
}

/**
 * Returns the answer, each message with an id that is not taken. A proxy or a scripted model may give each answer the same
 * id, and the state would replace the earlier answer.
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

import { createHash, randomUUID } from "node:crypto";
import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import { isObject } from "../codec/json.js";
import { giveId } from "../frameworks/langchain-core.js";
import { copied } from "../messages/copied.js";

// The middleware recognises messages by their ids.

/** Returns the ids of the messages that have one. */
export function idsOf(messages: readonly BaseMessage[]): ReadonlySet<string> {
  return new Set(messages.flatMap(({ id }) => (id === undefined ? [] : [id])));
}

/** Gives a message an id if it has none. If the state gave it an id, the message here would not be recognised. */
export function withId<Message extends BaseMessage>(message: Message): Message {
  return message.id === undefined ? giveId(message, randomUUID()) : message;
}

/**
 * Returns the messages, each with an id. A message that was stored without an id gets the same one each time, so that a
 * thread recognises it. The id depends on the content of the message, and on the number of earlier messages with the same
 * content.
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

/** Returns a copy of the message with a new id, for a message whose content is sent once more. */
export function anew<Message extends BaseMessage>(message: Message): Message {
  return giveId(copied(message, {}), randomUUID());
}

/** Returns the messages of a model's answer. With `responseFormat`, the answer is an object that contains them. */
export function answerOf(answer: unknown): BaseMessage[] {
  if (AIMessage.isInstance(answer)) return [answer];
  return hasMessages(answer) ? [...answer.messages] : [];
}

/**
 * Returns the answer, each message with an id that is not taken. A proxy or a scripted model may give every answer the same
 * id, and the state would then replace the earlier answer.
 *
 * @param streamed the id under which the answer was streamed, if that was not its own.
 */
export function withFreshIds<Answer>(
  answer: Answer,
  isTaken: (id: string) => boolean,
  streamed: string | undefined,
): Answer {
  let next = streamed;
  const fresh = <Message extends BaseMessage>(message: Message): Message => {
    if (message.id === undefined || !isTaken(message.id)) return withId(message);
    const id = next ?? randomUUID();
    next = undefined;
    return giveId(copied(message, {}), id);
  };
  if (AIMessage.isInstance(answer)) return fresh(answer);
  return hasMessages(answer) ? { ...answer, messages: answer.messages.map(fresh) } : answer;
}

function hasMessages(answer: unknown): answer is { messages: readonly BaseMessage[] } {
  return isObject(answer) && Array.isArray(answer["messages"]);
}

import type { BaseMessage } from "@langchain/core/messages";

/** A copy of the same class, with other fields: the message is the caller's. */
export function copied<Message extends BaseMessage>(
  message: Message,
  fields: Readonly<Record<string, unknown>>,
): Message {
  return Object.assign(Object.create(Object.getPrototypeOf(message) as object) as Message, message, fields);
}

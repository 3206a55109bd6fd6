import type { BaseMessage } from "@langchain/core/messages";

/** A copy of the same class, with other fields: the message is the caller's. A checkpoint is made of `lc_kwargs`. */
export function copied<Message extends BaseMessage>(
  message: Message,
  fields: Readonly<Record<string, unknown>>,
): Message {
  const copy = Object.create(Object.getPrototypeOf(message) as object) as Message;
  return Object.assign(copy, message, fields, { lc_kwargs: { ...message.lc_kwargs, ...fields } });
}

import type { BaseMessage } from "@langchain/core/messages";

/**
 * Returns a copy of a message, of the same class, with some fields replaced. The message itself is the caller's, so it
 * stays as it is. The copy has the fields in its `lc_kwargs` too, of which a checkpoint is made.
 */
export function copied<Message extends BaseMessage>(
  message: Message,
  fields: Readonly<Record<string, unknown>>,
): Message {
  const copy = Object.create(Object.getPrototypeOf(message) as object) as Message;
  return Object.assign(copy, message, fields, { lc_kwargs: { ...message.lc_kwargs, ...fields } });
}

import type { BaseMessage } from "@langchain/core/messages";

/**
 * Returns a copy of a message, of the same class, with some fields replaced. The message belongs to the caller, so it is not
 * changed. The copy also has the new fields in its `lc_kwargs`, from which checkpoints are made.
 */
export function copied<Message extends BaseMessage>(
  message: Message,
  fields: Readonly<Record<string, unknown>>,
): Message {
  const copy = Object.create(Object.getPrototypeOf(message) as object) as Message;
  return Object.assign(copy, message, fields, { lc_kwargs: { ...message.lc_kwargs, ...fields } });
}

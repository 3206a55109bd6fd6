import type { BaseMessage } from "@langchain/core/messages";
import { decodeMessage } from "../codec/decode.js";
import { encodeMessage } from "../codec/encode.js";
import type { Opened } from "../encryption/vault.js";
import { CorruptMessageError } from "../errors.js";
import type { ExportedConversation, ExportedMessage } from "./exported.js";
import type { Conversation } from "./session.js";

/** A stored message with its position and its time. */
export interface StoredMessage {
  /** The index in the conversation's list. 0 is the oldest stored message. Changes when `maxMessages` removes older ones. */
  index: number;
  /**
   * Names this message while it exists, for `rewind`, `fork`, `replaces` and `before`. No other message ever gets the same
   * position, not even after a clear, a rewind, an edit or an expiry.
   */
  position: string;
  /** The time at which the message was appended, by the server's clock. */
  at: Date;
  /** The message. */
  message: BaseMessage;
}

/**
 * Returns the message of an entry in an array. With `onCorrupt: "skip"`, the array is empty if the entry cannot be read.
 *
 * @throws CorruptMessageError for an entry that cannot be read, unless `onCorrupt` is `"skip"`.
 */
export function stored(entry: Opened, index: number, onCorrupt: "throw" | "skip"): Omit<StoredMessage, "position">[] {
  try {
    const { message, at } = decodeMessage(entry, index);
    return [{ index, at: new Date(at), message }];
  } catch (error) {
    if (error instanceof CorruptMessageError && onCorrupt === "skip") return [];
    throw error;
  }
}

/** Returns a message as JSON. The same message always gives the same JSON, which is that of its entry. */
export function exportedMessage({ message, index, at }: Omit<StoredMessage, "position">): ExportedMessage {
  const fields = JSON.parse(`${encodeMessage(message, index)}}`) as Omit<ExportedMessage, "at">;
  return { ...fields, at: at.toISOString() };
}

/** Returns a conversation as JSON. If its record lacks a time, the time of its first or last message is used. */
export function exportedConversation(conversation: Conversation, messages: ExportedMessage[]): ExportedConversation {
  const { createdAt, lastActivityAt, messageCount: _, ...attributes } = conversation;
  const created = timeText(createdAt, messages[0]?.at ?? new Date(0).toISOString());
  return {
    format: "langchain-redis-sessions/conversation/1",
    ...attributes,
    createdAt: created,
    lastActivityAt: timeText(lastActivityAt, messages.at(-1)?.at ?? created),
    messages,
  };
}

function timeText(time: Date, otherwise: string): string {
  return Number.isNaN(time.getTime()) ? otherwise : time.toISOString();
}

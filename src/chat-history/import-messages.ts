import {
  type BaseMessage,
  mapStoredMessageToChatMessage,
  type StoredMessage,
  ToolMessage,
  type ToolMessageFields,
} from "@langchain/core/messages";
import type { RedisClient } from "../redis/client.js";
import { encodeMessage } from "../codec/encode.js";
import { isObject } from "../codec/json.js";
import type { Duration } from "../options/duration.js";
import { CorruptMessageError, InvalidOptionError } from "../errors.js";
import { textList } from "../redis/replies.js";
import { type Connection, read } from "../redis/send.js";
import { conversationOf, type RedisChatMessageHistory } from "./history.js";
import type { OpenConversation } from "./open-conversation.js";
import { parseClient } from "../redis/connection-options.js";

/** Options of {@link importMessages}. */
export interface ImportMessagesOptions {
  /** The client of the Redis that has the old history. */
  client: RedisClient;
  /** The whole key of the old history. Those packages use the session id as the key. It is read, and never changed. */
  key: string;
  /** The history that receives the messages. */
  history: RedisChatMessageHistory;
  /**
   * The longest time for the read of the old history.
   * @default "5s"
   */
  deadline?: Duration | undefined;
  /**
   * Decides what happens to an entry that is not a message in LangChain's stored form. `"throw"` throws a
   * `CorruptMessageError` that names its index. `"skip"` leaves the entry out and copies the rest.
   * @default "throw"
   */
  onCorrupt?: "throw" | "skip" | undefined;
}

/**
 * Copies a history that `@langchain/redis` or `@langchain/community` (ioredis) wrote to an unused history of this library:
 * one on its own, or a session's. If the new history has `maxMessages`, only the newest messages are copied. Takes two round
 * trips.
 *
 * You can repeat the call, and run it in several processes at once: the call copies nothing to a history that has messages,
 * or that was cleared within the last day. Make it a step of a migration, not of every request: a day after a `clear()`,
 * the call would copy the old list again.
 *
 * @returns the number of copied messages. 0 if there was nothing to copy, or if `history` had been used.
 * @throws InvalidOptionError if an option is missing or invalid.
 * @throws CorruptMessageError for an entry that cannot be read, unless `onCorrupt` is `"skip"`. It names the index in the old
 * list. Nothing was copied.
 * @throws what `history.addMessages` throws.
 *
 * @example
 * ```ts
 * await importMessages({ client, key: "user-42", history: new RedisChatMessageHistory({ client, sessionId: "user-42" }) });
 * ```
 */
export async function importMessages(options: ImportMessagesOptions): Promise<number> {
  const { conversation, key, connection, onCorrupt } = parseImportOptions(options);
  const entries = await read(connection, "history.import", [["lrange", key, "0", "-1"]], textList);
  const messages = entries.flatMap((entry, index) => {
    const message = storedMessage(entry, index);
    if (message !== undefined) return [message];
    if (onCorrupt === "skip") return [];
    throw new CorruptMessageError("it is not a message in LangChain's stored form.", index);
  });
  // Those packages keep the newest message first.
  messages.reverse();
  return conversation.appendFirst(messages);
}

function parseImportOptions(options: ImportMessagesOptions): {
  conversation: OpenConversation;
  key: string;
  connection: Connection;
  onCorrupt: "throw" | "skip";
} {
  const { client, deadline, key, history, onCorrupt = "throw" } = options ?? {};
  const connection = parseClient({ client, deadline });
  if (typeof key !== "string" || key === "")
    throw new InvalidOptionError("key", "use the old history's key, a string.");
  const conversation = conversationOf(history);
  if (conversation === undefined) {
    throw new InvalidOptionError("history", "pass a RedisChatMessageHistory of this library.");
  }
  if (onCorrupt !== "throw" && onCorrupt !== "skip") {
    throw new InvalidOptionError("onCorrupt", 'use "throw" or "skip".');
  }
  return { conversation, key, connection, onCorrupt };
}

/** Returns the message of an entry, or `undefined` if the entry is not a message, or cannot be stored. */
function storedMessage(entry: string, index: number): BaseMessage | undefined {
  try {
    const stored: unknown = JSON.parse(entry);
    const message = isResultWithoutId(stored)
      ? new ToolMessage(stored.data)
      : mapStoredMessageToChatMessage(stored as StoredMessage);
    // LangChain's constructors check nothing, but the encoding throws for a value that is not a message.
    encodeMessage(message, index);
    return message;
  } catch {
    // Drop the error of JSON.parse, because its message quotes the entry.
    return undefined;
  }
}

/** Returns true for the result of a call without an id. LangChain writes such a result, and refuses to read it. */
function isResultWithoutId(stored: unknown): stored is { data: ToolMessageFields } {
  if (!isObject(stored) || stored["type"] !== "tool") return false;
  const { data } = stored;
  return isObject(data) && data["tool_call_id"] === undefined;
}

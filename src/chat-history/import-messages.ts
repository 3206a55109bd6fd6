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
  /** An ioredis client of the Redis that holds the old history. */
  client: RedisClient;
  /** The old history's key, whole: those packages use the session id as the key. It is read, never changed. */
  key: string;
  /** Where the messages go. */
  history: RedisChatMessageHistory;
  /**
   * The time within which the old history is read.
   * @default "5s"
   */
  deadline?: Duration | undefined;
  /**
   * What to do with an entry that is not a message as LangChain stores it. `"throw"` throws a `CorruptMessageError` that
   * names its index; `"skip"` leaves the entry out and copies the rest.
   * @default "throw"
   */
  onCorrupt?: "throw" | "skip" | undefined;
}

/**
 * Copies a history that `@langchain/redis` or `@langchain/community` (ioredis) wrote into a history of this library that
 * has never been used: one on its own, or a session's. Those packages keep the newest message first. Takes two round
 * trips, the second of which is the append. When the history has `maxMessages`, the newest messages are copied.
 *
 * You can repeat the call, and run it in several processes at once: nothing is copied to where there are messages
 * already, or where a `clear()` is remembered (for a day). Make it a step of a migration rather than of every request:
 * once a clear is forgotten, a list that is still there would be copied again.
 *
 * @returns how many messages were copied; 0 when there was nothing to copy, or when `history` had been used.
 * @throws InvalidOptionError when an option is missing or of the wrong form.
 * @throws CorruptMessageError naming the index in the old list of an entry that cannot be read, unless `onCorrupt` is
 * `"skip"`; nothing was copied.
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
    throw new CorruptMessageError("it is not a message as LangChain stores it.", index);
  });
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

/** Returns the message of an entry, or `undefined` for an entry that is not a message, or cannot be stored. */
function storedMessage(entry: string, index: number): BaseMessage | undefined {
  try {
    const stored: unknown = JSON.parse(entry);
    const message = isResultWithoutId(stored)
      ? new ToolMessage(stored.data)
      : mapStoredMessageToChatMessage(stored as StoredMessage);
    // LangChain's constructors check nothing, so the encoding finds out what is not a message.
    encodeMessage(message, index);
    return message;
  } catch {
    // JSON.parse quotes what it could not read, so its error is dropped.
    return undefined;
  }
}

/** Returns true for the result of a call without an id. LangChain writes such a result, and refuses to read it. */
function isResultWithoutId(stored: unknown): stored is { data: ToolMessageFields } {
  if (!isObject(stored) || stored["type"] !== "tool") return false;
  const { data } = stored;
  return isObject(data) && data["tool_call_id"] === undefined;
}

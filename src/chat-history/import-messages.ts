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
import { RedisChatMessageHistory } from "./history.js";
import { parseConnection } from "./options.js";

/** Options of {@link importMessages}. */
export interface ImportMessagesOptions {
  /** An ioredis client of the Redis that holds the old history. */
  client: RedisClient;
  /** The old history's key, whole: those packages use the session id as the key. It is read, never changed. */
  key: string;
  /** Where the messages go. */
  history: RedisChatMessageHistory;
  /**
   * Within which the old history is read.
   * @default "5s"
   */
  deadline?: Duration | undefined;
  /**
   * What to do with an entry that is not a message as LangChain stores it: `"throw"` a `CorruptMessageError` that names
   * its index, or `"skip"` it and copy the rest.
   * @default "throw"
   */
  onCorrupt?: "throw" | "skip" | undefined;
}

/**
 * Copies a history that `@langchain/redis` or `@langchain/community` (ioredis) wrote, which keep the newest message
 * first, into a history of ours, on its own or a session's, that has never been used, in one append. Two round
 * trips. With `maxMessages`, the newest are copied.
 *
 * Safe to repeat, and to run in several processes at once: where there are messages already, or a `clear()` is
 * remembered (for a day), nothing is copied. Make it a step of a migration rather than of every request: once a cleared
 * history is forgotten, a list that is still there would be copied again.
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
  const { history, key, connection, onCorrupt } = parseImportOptions(options);
  const entries = await read(connection, [["lrange", key, "0", "-1"]], textList);
  const messages = entries.flatMap((entry, index) => {
    const message = storedMessage(entry, index);
    if (message !== undefined) return [message];
    if (onCorrupt === "skip") return [];
    throw new CorruptMessageError("it is not a message as LangChain stores it.", index);
  });
  messages.reverse();
  return history.addFirstMessages(messages);
}

function parseImportOptions(options: ImportMessagesOptions): {
  history: RedisChatMessageHistory;
  key: string;
  connection: Connection;
  onCorrupt: "throw" | "skip";
} {
  const { client, deadline, key, history, onCorrupt = "throw" } = options ?? {};
  const connection = parseConnection({ client, deadline });
  if (typeof key !== "string" || key === "")
    throw new InvalidOptionError("key", "use the old history's key, a string.");
  if (!(history instanceof RedisChatMessageHistory)) {
    throw new InvalidOptionError("history", "pass a RedisChatMessageHistory of this library.");
  }
  if (onCorrupt !== "throw" && onCorrupt !== "skip") {
    throw new InvalidOptionError("onCorrupt", 'use "throw" or "skip".');
  }
  return { history, key, connection, onCorrupt };
}

/** Returns `undefined` for an entry that is not a message, or one that could not be stored. */
function storedMessage(entry: string, index: number): BaseMessage | undefined {
  try {
    const stored: unknown = JSON.parse(entry);
    const message = isResultWithoutId(stored)
      ? new ToolMessage(stored.data)
      : mapStoredMessageToChatMessage(stored as StoredMessage);
    // LangChain's constructors look at nothing: what makes no message is refused by the encoding.
    encodeMessage(message, index);
    return message;
  } catch {
    // Not the error itself: JSON.parse quotes what it could not read.
    return undefined;
  }
}

/** LangChain writes the result of a call that has no id, and refuses to read it. */
function isResultWithoutId(stored: unknown): stored is { data: ToolMessageFields } {
  if (!isObject(stored) || stored["type"] !== "tool") return false;
  const { data } = stored;
  return isObject(data) && data["tool_call_id"] === undefined;
}

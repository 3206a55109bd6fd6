import { type BaseMessage, mapStoredMessageToChatMessage } from "@langchain/core/messages";
import type { RedisClient } from "../client.js";
import type { Duration } from "../duration.js";
import { CorruptMessageError, InvalidOptionError } from "../errors.js";
import { digestOf } from "../redis/operation.js";
import { read } from "../redis/send.js";
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
}

/**
 * Copies a history that `@langchain/redis` or `@langchain/community` (ioredis) wrote, which keep the newest message
 * first, into an empty history of ours, in one append. Three round trips.
 *
 * Safe to repeat, and to run in several processes at once: into a history that holds messages nothing is copied.
 *
 * @returns how many messages were copied: 0 when there were none, or when `history` was not empty.
 * @throws InvalidOptionError when an option is missing or of the wrong form.
 * @throws CorruptMessageError naming the index in the old list of an entry that cannot be read; nothing was copied.
 * @throws what `history.addMessages` and `history.length` throw.
 *
 * @example
 * ```ts
 * await importMessages({ client, key: "user-42", history: new RedisChatMessageHistory({ client, sessionId: "user-42" }) });
 * ```
 */
export async function importMessages(options: ImportMessagesOptions): Promise<number> {
  const { history, key, client, deadline } = options;
  const connection = parseConnection({ client, deadline });
  if (typeof key !== "string" || key === "")
    throw new InvalidOptionError("key", "use the old history's key, a string.");
  if (!(history instanceof RedisChatMessageHistory)) {
    throw new InvalidOptionError("history", "pass a RedisChatMessageHistory of this library.");
  }
  if ((await history.length()) > 0) return 0;
  const [entries] = (await read(connection, [["lrange", key, "0", "-1"]])) as [string[]];
  const messages = entries.map(storedMessage).toReversed();
  // Named after its source, so that two processes which both find the history empty copy it once.
  await history.addMessages(messages, { operationId: `import:${digestOf(key)}` });
  return messages.length;
}

function storedMessage(entry: string, index: number): BaseMessage {
  try {
    return mapStoredMessageToChatMessage(JSON.parse(entry));
  } catch {
    // Not the error itself: JSON.parse quotes what it could not read.
    throw new CorruptMessageError("it is not a message as LangChain stores it.", index);
  }
}

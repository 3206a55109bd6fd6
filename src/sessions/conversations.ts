import type { BaseMessage } from "@langchain/core/messages";
import { digestOf, operationIdOf, type WriteOptions } from "../redis/operation.js";
import { decodeMessage } from "../codec/decode.js";
import { ConversationNotFoundError, CorruptMessageError } from "../errors.js";
import { Budget } from "../redis/budget.js";
import type { OwnerKeys } from "../redis/keys.js";
import { count, isMember, textList } from "../redis/replies.js";
import { listConversationsScript } from "../redis/scripts/conversation/list.js";
import { removeConversationScript } from "../redis/scripts/conversation/remove.js";
import { renameConversationScript } from "../redis/scripts/conversation/rename.js";
import { read, run, write } from "../redis/send.js";
import {
  type ConversationPage,
  type MessagePage,
  type Owner,
  parseConversationPage,
  parseId,
  parseMessagePage,
  parseTitle,
  type SessionSettings,
} from "./options.js";
import { keysOf } from "./owner-keys.js";
import { toConversation } from "./record.js";
import type { Conversation } from "./session.js";

/** A stored message with its place and its time. */
export interface StoredMessage {
  /** Position in the conversation's list, 0 for the oldest that is kept. */
  index: number;
  /** When it was appended, by the server's clock. */
  at: Date;
  message: BaseMessage;
}

/**
 * The conversations of an owner, as a sidebar needs them: `sessions.conversations`.
 *
 * A conversation exists from its first message on. Before that, and after a `clear()`, its methods throw a
 * ConversationNotFoundError, while `sessions.history(session)` is empty.
 */
export class Conversations {
  readonly #settings: SessionSettings;

  /** @internal Made by `SessionStore`. */
  constructor(settings: SessionSettings) {
    this.#settings = settings;
  }

  /**
   * Lists the owner's conversations, most recent first. Takes one round trip, and one more for each 500 conversations
   * that have expired since the last call.
   *
   * @param page at most `limit` conversations (default 20, at most 1000), whose last activity was before that of `before`.
   * @throws InvalidOptionError when `owner` or `page` has the wrong form.
   * @throws StoreUnavailableError when Redis did not answer within `deadline`.
   *
   * @example
   * ```ts
   * const first = await sessions.conversations.list({ userId: "ada" });
   * const next = await sessions.conversations.list({ userId: "ada" }, { before: first.at(-1) });
   * ```
   */
  async list(owner: Owner, page: ConversationPage = {}): Promise<Conversation[]> {
    const { conversations } = keysOf(this.#settings, owner);
    const { before, limit } = parseConversationPage(page);
    const call = {
      keys: { conversations },
      arguments: { below: before === undefined ? "+inf" : `(${before}`, limit },
    };
    const budget = new Budget(this.#settings);
    for (;;) {
      const { outcome, entries } = await run(budget.connection(), listConversationsScript, call);
      if (outcome === "page") return entries.map(toConversation);
    }
  }

  /**
   * Reads a page of a conversation's messages, oldest first.
   *
   * @param page the last `limit` messages (default 50, at most 1000) in front of index `before`; without `before`, the
   * last ones of the conversation.
   * @throws ConversationNotFoundError when the owner has no such conversation.
   * @throws CorruptMessageError for an entry that cannot be read, unless `onCorrupt` is `"skip"`.
   * @throws InvalidOptionError when an argument has the wrong form.
   * @throws StoreUnavailableError when Redis did not answer within `deadline`.
   *
   * @example
   * ```ts
   * const last = await sessions.conversations.messages(owner, session.conversationId);
   * const earlier = await sessions.conversations.messages(owner, session.conversationId, { before: last[0]?.index });
   * ```
   */
  async messages(owner: Owner, conversationId: string, page: MessagePage = {}): Promise<StoredMessage[]> {
    const keys = keysOf(this.#settings, owner);
    return readMessages(this.#settings, keys, parseId("conversationId", conversationId), parseMessagePage(page));
  }

  /**
   * Gives a conversation a title.
   *
   * @throws ConversationNotFoundError when the owner has no such conversation.
   * @throws InvalidOptionError when an argument has the wrong form.
   * @throws OperationConflictError when `operationId` was used for another write.
   * @throws StoreUnavailableError when Redis did not answer within `deadline`. When it is `indeterminate`, repeat the call
   * with its `operationId`.
   *
   * @example
   * ```ts
   * await sessions.conversations.rename(owner, session.conversationId, "Trip to Rome");
   * ```
   */
  async rename(owner: Owner, conversationId: string, title: string, options?: WriteOptions): Promise<void> {
    const keys = keysOf(this.#settings, owner);
    const id = parseId("conversationId", conversationId);
    const name = parseTitle(title);
    const operationId = operationIdOf(options);
    await write(this.#settings, renameConversationScript, {
      operationId,
      keys: { conversation: keys.conversation(id), operation: keys.operation(operationId) },
      arguments: { digest: digestOf("rename", id, name), title: name },
    });
  }

  /**
   * Deletes a conversation and its messages. Sessions that point at it stay live, and their next turn begins the
   * conversation anew. A turn that read the conversation before is refused with a ConversationChangedError.
   *
   * @throws ConversationNotFoundError when the owner has no such conversation.
   * @throws InvalidOptionError when an argument has the wrong form.
   * @throws OperationConflictError when `operationId` was used for another write.
   * @throws StoreUnavailableError when Redis did not answer within `deadline`. When it is `indeterminate`, repeat the call
   * with its `operationId`.
   *
   * @example
   * ```ts
   * await sessions.conversations.delete(owner, session.conversationId);
   * ```
   */
  async delete(owner: Owner, conversationId: string, options?: WriteOptions): Promise<void> {
    const keys = keysOf(this.#settings, owner);
    const id = parseId("conversationId", conversationId);
    const operationId = operationIdOf(options);
    const digest = digestOf("delete", id);
    await removeConversation(this.#settings, keys, { operationId, digest, conversationId: id, sessionId: "" });
  }
}

async function readMessages(
  settings: SessionSettings,
  keys: OwnerKeys,
  id: string,
  { limit, before }: { limit: number; before?: number | undefined },
): Promise<StoredMessage[]> {
  const budget = new Budget(settings);
  const first = before === undefined ? -limit : Math.max(0, before - limit);
  const { length, entries } = await read(
    settings,
    [
      ["zscore", keys.conversations, id],
      ["llen", keys.messages(id)],
      ["lrange", keys.messages(id), String(first), String((before ?? 0) - 1)],
    ],
    (listed, total, found) => {
      // The index may outlive a list that has expired.
      if (!isMember(listed) || count(total) === 0) throw new ConversationNotFoundError();
      // Nothing is in front of index 0, and LRANGE takes -1 for the last message.
      return { length: count(total), entries: before === 0 ? [] : textList(found) };
    },
  );
  // The list was cleared or capped since the caller read `before`: read its end instead.
  if (before !== undefined && before > length) {
    return readMessages({ ...settings, ...budget.connection() }, keys, id, { limit, before: length });
  }
  const start = before === undefined ? length - entries.length : first;
  return entries.flatMap((entry, offset) => stored(entry, start + offset, settings.onCorrupt));
}

function stored(entry: string, index: number, onCorrupt: "throw" | "skip"): StoredMessage[] {
  try {
    const { message, at } = decodeMessage(entry, index);
    return [{ index, at: new Date(at), message }];
  } catch (error) {
    if (error instanceof CorruptMessageError && onCorrupt === "skip") return [];
    throw error;
  }
}

/**
 * Removes a conversation and its messages, and returns its next generation. An empty `sessionId` means that the owner asks.
 * Otherwise a session asks, and the script checks first that this session is live.
 */
export async function removeConversation(
  settings: SessionSettings,
  keys: OwnerKeys,
  removal: { operationId: string; digest: string; conversationId: string; sessionId: string },
): Promise<string> {
  const { operationId, digest, conversationId, sessionId } = removal;
  const asking = sessionId === "" ? {} : { record: keys.session(sessionId), index: keys.sessions };
  const { generation } = await write(settings, removeConversationScript, {
    operationId,
    keys: {
      conversation: keys.conversation(conversationId),
      messages: keys.messages(conversationId),
      conversations: keys.conversations,
      operation: keys.operation(operationId),
      ...keys.thread(conversationId),
      threads: keys.threads,
      ...asking,
    },
    arguments: { digest, conversationId, sessionId },
  });
  return generation;
}

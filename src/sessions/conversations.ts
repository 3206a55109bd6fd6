import type { BaseMessage } from "@langchain/core/messages";
import { digestOf } from "../options/digest.js";
import { operationIdOf, type WriteOptions } from "../redis/operation.js";
import { decodeMessage } from "../codec/decode.js";
import { ConversationNotFoundError, CorruptMessageError } from "../errors.js";
import { idFrom } from "../options/ids.js";
import { Budget } from "../redis/budget.js";
import { answerChannel, type AnswerKeys, type OwnerKeys, type ThreadKeys } from "../redis/keys.js";
import { isMember, list, textList, textOrNothing } from "../redis/replies.js";
import { forkConversationScript } from "../redis/scripts/conversation/fork.js";
import { listConversationsScript } from "../redis/scripts/conversation/list.js";
import { pageOfConversationScript } from "../redis/scripts/conversation/page.js";
import { removeConversationScript } from "../redis/scripts/conversation/remove.js";
import { renameConversationScript } from "../redis/scripts/conversation/rename.js";
import { rewindConversationScript } from "../redis/scripts/conversation/rewind.js";
import { read, run, write } from "../redis/send.js";
import {
  type ConversationPage,
  type ForkOptions,
  type MessagePage,
  type Owner,
  parseConversationPage,
  parseFork,
  parseId,
  parseMessagePage,
  parseRewind,
  parseTitle,
  type RewindOptions,
  type SessionSettings,
} from "./options.js";
import { keysOf } from "./owner-keys.js";
import { positionsOf } from "./positions.js";
import { toConversation } from "./record.js";
import type { Conversation } from "./session.js";

/** A stored message with its place and its time. */
export interface StoredMessage {
  /** Index in the conversation's list, 0 for the oldest that is kept. It changes when `maxMessages` removes older ones. */
  index: number;
  /**
   * Names this message for as long as it exists: for `rewind`, `fork`, `replaces` and `before`. It is not used again after a
   * clear, a rewind, an edit or an expiry.
   */
  position: string;
  /** When it was appended, by the server's clock. */
  at: Date;
  message: BaseMessage;
}

/** A message of an {@link ExportedConversation}: LangChain's stored form, and what JSON needs beside it. */
export interface ExportedMessage {
  type: string;
  data: Record<string, unknown>;
  /** Which parts of `data` stand in for values that JSON lacks. */
  rich?: unknown;
  /** Which fields of `data` the message had beyond those of its class. */
  own?: string[];
  /** When it was appended, in ISO 8601. */
  at: string;
}

/** A whole conversation as JSON, which `conversations.export` returns. */
export interface ExportedConversation {
  format: "langchain-redis-sessions/conversation/1";
  id: string;
  agentId: string;
  title?: string | undefined;
  forkedFrom?: string | undefined;
  createdAt: string;
  lastActivityAt: string;
  messages: ExportedMessage[];
}

const EXPORTED = ["agentId", "title", "createdAt", "activeAt", "forkedFrom"] as const;

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
   * @param page the last `limit` messages (default 50, at most 1000) in front of `before`, a position or an index; without
   * `before`, the last ones of the conversation.
   * @throws ConversationNotFoundError when the owner has no such conversation.
   * @throws PositionNotFoundError when the message at `before` is gone, or is another conversation's.
   * @throws CorruptMessageError for an entry that cannot be read, unless `onCorrupt` is `"skip"`.
   * @throws InvalidOptionError when an argument has the wrong form.
   * @throws StoreUnavailableError when Redis did not answer within `deadline`.
   *
   * @example
   * ```ts
   * const last = await sessions.conversations.messages(owner, session.conversationId);
   * const earlier = await sessions.conversations.messages(owner, session.conversationId, { before: last[0]?.position });
   * ```
   */
  async messages(owner: Owner, conversationId: string, page: MessagePage = {}): Promise<StoredMessage[]> {
    const keys = keysOf(this.#settings, owner);
    const id = parseId("conversationId", conversationId);
    const { limit, before = -1 } = parseMessagePage(page);
    const { start, first, eras, entries } = await run(this.#settings, pageOfConversationScript, {
      keys: listedKeys(keys, id),
      arguments: {
        conversationId: id,
        ...(typeof before === "string" ? { position: before, before: -1 } : { position: "", before }),
        limit,
      },
    });
    const positionOf = positionsOf({ first, eras });
    return entries.flatMap((entry, offset) =>
      stored(entry, start + offset, this.#settings.onCorrupt).map(({ index, at, message }) => ({
        index,
        position: positionOf(index),
        at,
        message,
      })),
    );
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

  /**
   * Removes a user's message and everything behind it, and the conversation's thread of LangGraph. Turns that read the
   * conversation before are refused with a ConversationChangedError. Before the first message, this ends the conversation
   * as `delete` does.
   *
   * @throws PositionNotFoundError when that message is gone, or is another conversation's; nothing was changed.
   * @throws InvalidOptionError for the position of a message that is not a user's, or an argument of the wrong form.
   * @throws ConversationNotFoundError when the owner has no such conversation.
   * @throws OperationConflictError when `operationId` was used for another write.
   * @throws StoreUnavailableError when Redis did not answer within `deadline`. When it is `indeterminate`, repeat the call
   * with its `operationId`.
   *
   * @example
   * ```ts
   * const messages = await sessions.conversations.messages(owner, session.conversationId);
   * const question = messages.findLast(({ message }) => message.type === "human");
   * await sessions.conversations.rewind(owner, session.conversationId, { before: question.position });
   * ```
   */
  async rewind(owner: Owner, conversationId: string, options: RewindOptions): Promise<void> {
    const keys = keysOf(this.#settings, owner);
    const id = parseId("conversationId", conversationId);
    const { before, operationId } = parseRewind(options);
    await write(this.#settings, rewindConversationScript, {
      operationId,
      keys: removalKeysOf(keys, id, operationId),
      arguments: {
        digest: digestOf("rewind", id, before),
        conversationId: id,
        position: before,
        channel: answerChannel(keys.base, id),
      },
    });
  }

  /**
   * Copies the beginning of a conversation to a new one of the same owner and agent, in one script. Copies no memory and no
   * thread. A session continues the fork as any conversation: `sessions.create({ …, conversationId: fork.id })`.
   *
   * @returns the new conversation. Repeated with its `operationId`, the same one.
   * @throws ConversationTooLargeError beyond 10,000 messages or 16 MiB.
   * @throws PositionNotFoundError when the message at `before` is gone, or is another conversation's.
   * @throws InvalidOptionError for the position of a message that is not a user's, or is the first one.
   * @throws ConversationNotFoundError, OperationConflictError, StorageFullError, StoreUnavailableError. Each time, nothing was
   * changed, unless a StoreUnavailableError is `indeterminate`.
   *
   * @example
   * ```ts
   * const fork = await sessions.conversations.fork(owner, session.conversationId, { before: question.position });
   * ```
   */
  async fork(owner: Owner, conversationId: string, options: ForkOptions = {}): Promise<Conversation> {
    const keys = keysOf(this.#settings, owner);
    const id = parseId("conversationId", conversationId);
    const { before, title, operationId } = parseFork(options);
    const forkId = idFrom("conversation", digestOf("fork", keys.base, id, operationId));
    const { length, fields } = await write(this.#settings, forkConversationScript, {
      operationId,
      keys: {
        ...listedKeys(keys, id),
        operation: keys.operation(operationId),
        fork: keys.conversation(forkId),
        forkMessages: keys.messages(forkId),
      },
      arguments: {
        digest: digestOf("fork", id, before, ...(title === undefined ? [] : [title])),
        conversationId: id,
        forkId,
        position: before,
        hasTitle: title !== undefined,
        title: title ?? "",
        ttl: this.#settings.conversationMilliseconds,
      },
    });
    return toConversation({ id: forkId, length, fields });
  }

  /**
   * Returns a whole conversation as JSON, without loss: each message as it is stored, with its time. One round trip.
   *
   * @throws ConversationNotFoundError when the owner has no such conversation.
   * @throws CorruptMessageError for an entry that cannot be read, unless `onCorrupt` is `"skip"`.
   * @throws InvalidOptionError, StoreUnavailableError.
   *
   * @example
   * ```ts
   * await writeFile("conversation.json", JSON.stringify(await sessions.conversations.export(owner, id)));
   * ```
   */
  async export(owner: Owner, conversationId: string): Promise<ExportedConversation> {
    const keys = keysOf(this.#settings, owner);
    const id = parseId("conversationId", conversationId);
    const { fields, entries } = await read(
      this.#settings,
      [
        ["zscore", keys.conversations, id],
        ["hmget", keys.conversation(id), ...EXPORTED],
        ["lrange", keys.messages(id), "0", "-1"],
      ],
      (listed, values, found) => {
        const [present, messages] = [list(values).map(textOrNothing), textList(found)];
        // The index may outlive a list that has expired.
        if (!isMember(listed) || messages.length === 0) throw new ConversationNotFoundError();
        const there = EXPORTED.flatMap((name, index) => {
          const value = present[index];
          return value === undefined ? [] : [name, value];
        });
        return { fields: there, entries: messages };
      },
    );
    const messages = entries.flatMap((entry, index) => {
      if (stored(entry, index, this.#settings.onCorrupt).length === 0) return [];
      const { at, ...message } = JSON.parse(entry) as ExportedMessage & { at: number };
      return [{ ...message, at: new Date(at).toISOString() }];
    });
    const { createdAt, lastActivityAt, messageCount: _, ...attributes } = toConversation({ id, length: 0, fields });
    return {
      format: "langchain-redis-sessions/conversation/1",
      ...attributes,
      createdAt: createdAt.toISOString(),
      lastActivityAt: lastActivityAt.toISOString(),
      messages,
    };
  }
}

function stored(entry: string, index: number, onCorrupt: "throw" | "skip"): Omit<StoredMessage, "position">[] {
  try {
    const { message, at } = decodeMessage(entry, index);
    return [{ index, at: new Date(at), message }];
  } catch (error) {
    if (error instanceof CorruptMessageError && onCorrupt === "skip") return [];
    throw error;
  }
}

/** Returns the keys of a conversation, and of the index that lists it. */
function listedKeys(keys: OwnerKeys, id: string): { conversation: string; messages: string; conversations: string } {
  return { conversation: keys.conversation(id), messages: keys.messages(id), conversations: keys.conversations };
}

/** Returns the keys of a script that removes messages of a conversation, and its thread with them. */
function removalKeysOf(
  keys: OwnerKeys,
  id: string,
  operationId: string,
): ReturnType<typeof listedKeys> &
  ThreadKeys &
  Pick<AnswerKeys, "answer" | "events"> & { operation: string; threads: string } {
  const { answer, events } = keys.answer(id);
  return {
    ...listedKeys(keys, id),
    operation: keys.operation(operationId),
    ...keys.thread(id),
    threads: keys.threads,
    answer,
    events,
  };
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
    keys: { ...removalKeysOf(keys, conversationId, operationId), ...asking },
    arguments: { digest, conversationId, sessionId, channel: answerChannel(keys.base, conversationId) },
  });
  return generation;
}

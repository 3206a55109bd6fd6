import { digestOf } from "../options/digest.js";
import { operationIdOf, type WriteOptions } from "../redis/operation.js";
import { ConversationNotFoundError } from "../errors.js";
import { idFrom } from "../options/ids.js";
import { Budget } from "../redis/budget.js";
import { answerChannel, type AnswerKeys, type OwnerKeys, type ThreadKeys } from "../redis/keys.js";
import { count, isMember, list, storedList, storedOrNothing } from "../redis/replies.js";
import { forkConversationScript } from "../redis/scripts/conversation/fork.js";
import { listConversationsScript } from "../redis/scripts/conversation/list.js";
import { pageOfConversationScript } from "../redis/scripts/conversation/page.js";
import { removeConversationScript } from "../redis/scripts/conversation/remove.js";
import { renameConversationScript } from "../redis/scripts/conversation/rename.js";
import { rewindConversationScript } from "../redis/scripts/conversation/rewind.js";
import { openEntries } from "../chat-history/entries.js";
import { unsealed } from "../encryption/sealers.js";
import type { Sealer, Stored } from "../redis/sealing.js";
import { type Connection, read, run, write } from "../redis/send.js";
import type { ExportedConversation } from "./exported.js";
import { importConversation, type ImportedConversation } from "./import-conversation.js";
import type { ImportOptions } from "./import-options.js";
import { Lineage } from "./lineage.js";
import { isMarkedSealed, lineageOf, openConversation, sealTitle } from "./opened-record.js";
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
import { connectionOfOwner, keysOf } from "./owner-keys.js";
import { positionsOf } from "./positions.js";
import type { Conversation } from "./session.js";
import { exportedConversation, exportedMessage, stored, type StoredMessage } from "./stored-message.js";

const SHOWN = ["agentId", "title", "createdAt", "activeAt", "forkedFrom", "lineage"] as const;
const EXPORTED = ["sealed", ...SHOWN] as const;

/**
 * The conversations of an owner, for example for a sidebar: `sessions.conversations`.
 *
 * A conversation exists from its first message on. Before that, and after a `clear()`, these methods throw a
 * ConversationNotFoundError, while `sessions.history(session)` is empty.
 *
 * @example
 * ```ts
 * const [latest] = await sessions.conversations.list({ userId: "ada" });
 * ```
 */
export class Conversations {
  readonly #settings: SessionSettings;

  /** @internal Created by `SessionStore`. */
  constructor(settings: SessionSettings) {
    this.#settings = settings;
  }

  /**
   * Lists the owner's conversations, most recent first. Takes one round trip, and one more for every 500 conversations
   * that have expired since the last call.
   *
   * @param page at most `limit` conversations, whose last activity was before that of `before`.
   * @throws InvalidOptionError if `owner` or `page` is invalid.
   * @throws StoreUnavailableError if Redis did not answer within `deadline`.
   *
   * @example
   * ```ts
   * const first = await sessions.conversations.list({ userId: "ada" });
   * const next = await sessions.conversations.list({ userId: "ada" }, { before: first.at(-1) });
   * ```
   */
  async list(owner: Owner, page: ConversationPage = {}): Promise<Conversation[]> {
    const keys = keysOf(this.#settings, owner);
    const { conversations } = keys;
    const { before, limit } = parseConversationPage(page);
    const connection = connectionOfOwner(this.#settings, keys);
    const withLineage = connection.vault !== undefined;
    const call = {
      keys: { conversations },
      arguments: { below: before === undefined ? "+inf" : `(${before}`, limit, withLineage },
    };
    const budget = new Budget(connection);
    for (;;) {
      const { outcome, entries } = await run(budget.connection(), listConversationsScript, call);
      if (outcome === "page") {
        const { onCorrupt } = this.#settings;
        return Promise.all(entries.map((entry) => openConversation(budget.connection(), entry, onCorrupt)));
      }
    }
  }

  /**
   * Returns one conversation, as `list` does: its title, its times and its number of messages.
   *
   * @throws ConversationNotFoundError if the owner has no such conversation.
   * @throws InvalidOptionError if an argument is invalid.
   * @throws StoreUnavailableError if Redis did not answer within `deadline`.
   *
   * @example
   * ```ts
   * const { title } = await sessions.conversations.get(owner, session.conversationId);
   * ```
   */
  async get(owner: Owner, conversationId: string): Promise<Conversation> {
    const keys = keysOf(this.#settings, owner);
    const id = parseId("conversationId", conversationId);
    const connection = connectionOfOwner(this.#settings, keys, { conversationId: id });
    const budget = new Budget(connection);
    const entry = await read(
      connection,
      "conversation.get",
      [
        ["zscore", keys.conversations, id],
        ["hmget", keys.conversation(id), ...SHOWN],
        ["llen", keys.messages(id)],
      ],
      (listed, values, length) => {
        // The index may outlive a list that has expired.
        if (!isMember(listed) || count(length) === 0) throw new ConversationNotFoundError();
        return { id, length: count(length), fields: fieldsIn(SHOWN, values) };
      },
    );
    return openConversation(budget.connection(), entry, this.#settings.onCorrupt);
  }

  /**
   * Returns a page of a conversation's messages, oldest first.
   *
   * @param page the last `limit` messages in front of `before`. Without `before`, the last messages of the conversation.
   * @throws ConversationNotFoundError if the owner has no such conversation.
   * @throws PositionNotFoundError if the message at `before` is gone, or belongs to another conversation.
   * @throws CorruptMessageError for an entry that cannot be read, unless `onCorrupt` is `"skip"`.
   * @throws InvalidOptionError if an argument is invalid.
   * @throws StoreUnavailableError if Redis did not answer within `deadline`.
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
    const { maxMessageBytes: maxBytes, onCorrupt } = this.#settings;
    const connection = connectionOfOwner(this.#settings, keys, { conversationId: id });
    const budget = new Budget(connection);
    const { start, first, eras, lineage, isSealed, entries } = await run(connection, pageOfConversationScript, {
      keys: listedKeys(keys, id),
      arguments: {
        conversationId: id,
        ...(typeof before === "string" ? { position: before, before: -1 } : { position: "", before }),
        limit,
      },
    });
    const positionOf = positionsOf({ first, eras });
    const opened = await openEntries(budget.connection(), entries, { within: lineage, maxBytes, isSealed });
    return opened.flatMap((entry, offset) =>
      stored(entry, start + offset, onCorrupt).map(({ index, at, message }) => ({
        index,
        position: positionOf(index),
        at,
        message,
      })),
    );
  }

  /**
   * Gives a conversation a title of up to 1 KiB of UTF-8.
   *
   * @throws ConversationNotFoundError if the owner has no such conversation.
   * @throws InvalidOptionError if an argument is invalid.
   * @throws OperationConflictError if another write had this `operationId`.
   * @throws StoreUnavailableError otherwise. If it is `indeterminate`, repeat the call with its `operationId`.
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
    const lineage = new Lineage();
    const call = {
      operationId,
      keys: {
        conversation: keys.conversation(id),
        conversations: keys.conversations,
        threads: keys.threads,
        operation: keys.operation(operationId),
      },
      sealedFor: this.#settings.conversationMilliseconds,
      arguments: (sealer: Sealer | undefined) => ({
        digest: (sealer ?? unsealed).digest("rename", id, name),
        conversationId: id,
        lineage: lineage.argumentFor(sealer),
        title: sealTitle(sealer, name, lineage.id),
      }),
    };
    const connection = connectionOfOwner(this.#settings, keys, { conversationId: id });
    await lineage.settle(() => write(connection, renameConversationScript, call));
  }

  /**
   * Deletes a conversation, its messages and its thread of LangGraph. Sessions that point at it stay live, and their next
   * turn begins the conversation anew. A turn that has read the deleted conversation is refused with a
   * ConversationChangedError.
   *
   * @throws ConversationNotFoundError if the owner has no such conversation.
   * @throws InvalidOptionError if an argument is invalid.
   * @throws OperationConflictError if another write had this `operationId`.
   * @throws StoreUnavailableError otherwise. If it is `indeterminate`, repeat the call with its `operationId`.
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
   * Removes a user's message and everything behind it, and the conversation's thread of LangGraph. A turn that has read the
   * removed messages is refused with a ConversationChangedError. With the position of the first message, this deletes the
   * conversation as `delete` does.
   *
   * @throws PositionNotFoundError if that message is gone, or belongs to another conversation. Nothing was changed.
   * @throws InvalidOptionError if the position is not of a user's message, or an argument is invalid.
   * @throws ConversationNotFoundError if the owner has no such conversation.
   * @throws OperationConflictError if another write had this `operationId`.
   * @throws StoreUnavailableError otherwise. If it is `indeterminate`, repeat the call with its `operationId`.
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
    await write(connectionOfOwner(this.#settings, keys, { conversationId: id }), rewindConversationScript, {
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
   * Copies the beginning of a conversation, or all of it, to a new conversation of the same owner and agent, in one script.
   * Copies neither memory nor thread. A session continues the fork like any conversation:
   * `sessions.create({ …, conversationId: fork.id })`.
   *
   * @returns the new conversation. If you repeat the call with the same `operationId`, the same conversation.
   * @throws ConversationTooLargeError if the copy would exceed 10,000 messages or 16 MiB.
   * @throws PositionNotFoundError if the message at `before` is gone, or belongs to another conversation.
   * @throws InvalidOptionError if the position is not of a user's message, or is of the first message.
   * @throws ConversationNotFoundError if the owner has no such conversation.
   * @throws OperationConflictError, StorageFullError. Nothing was changed.
   * @throws StoreUnavailableError otherwise. If it is `indeterminate`, repeat the call with its `operationId`.
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
    const connection = connectionOfOwner(this.#settings, keys, { conversationId: id });
    const lineage = new Lineage();
    const call = {
      operationId,
      keys: {
        ...listedKeys(keys, id),
        operation: keys.operation(operationId),
        fork: keys.conversation(forkId),
        forkMessages: keys.messages(forkId),
      },
      sealedFor: this.#settings.conversationMilliseconds,
      arguments: (sealer: Sealer | undefined) => ({
        digest: (sealer ?? unsealed).digest("fork", id, before, ...(title === undefined ? [] : [title])),
        lineage: title === undefined ? "" : lineage.argumentFor(sealer),
        conversationId: id,
        forkId,
        position: before,
        hasTitle: title !== undefined,
        title: title === undefined ? "" : sealTitle(sealer, title, lineage.id),
        ttl: this.#settings.conversationMilliseconds,
      }),
    };
    const { length, fields } = await lineage.settle(() => write(connection, forkConversationScript, call));
    return openConversation(connection, { id: forkId, length, fields }, this.#settings.onCorrupt);
  }

  /**
   * Returns a whole conversation as JSON, without loss: each message as it is stored, with its time. Takes one round trip.
   *
   * @throws ConversationNotFoundError if the owner has no such conversation.
   * @throws CorruptMessageError for an entry that cannot be read, unless `onCorrupt` is `"skip"`.
   * @throws InvalidOptionError if an argument is invalid.
   * @throws StoreUnavailableError if Redis did not answer within `deadline`.
   *
   * @example
   * ```ts
   * await writeFile("conversation.json", JSON.stringify(await sessions.conversations.export(owner, id)));
   * ```
   */
  async export(owner: Owner, conversationId: string): Promise<ExportedConversation> {
    const keys = keysOf(this.#settings, owner);
    const id = parseId("conversationId", conversationId);
    const { maxMessageBytes: maxBytes, onCorrupt } = this.#settings;
    const connection = connectionOfOwner(this.#settings, keys, { conversationId: id });
    const budget = new Budget(connection);
    const { fields, lineage, entries } = await read(
      connection,
      "conversation.export-one",
      [
        ["zscore", keys.conversations, id],
        ["hmget", keys.conversation(id), ...EXPORTED],
        ["lrange", keys.messages(id), "0", "-1"],
      ],
      (listed, values, found) => {
        const messages = storedList(found);
        // The index may outlive a list that has expired.
        if (!isMember(listed) || messages.length === 0) throw new ConversationNotFoundError();
        const there = fieldsIn(EXPORTED, values);
        return { fields: there, lineage: lineageOf(there), entries: messages };
      },
    );
    const opened = await openEntries(budget.connection(), entries, {
      within: lineage,
      maxBytes,
      isSealed: isMarkedSealed(fields),
    });
    const messages = opened.flatMap((entry, index) => stored(entry, index, onCorrupt).map(exportedMessage));
    const conversation = await openConversation(budget.connection(), { id, length: 0, fields }, onCorrupt);
    return exportedConversation(conversation, messages);
  }

  /**
   * Stores an exported conversation as a conversation of this owner, each message as it was, with its time. A session
   * continues it like any conversation: `sessions.create({ …, conversationId })`. The conversation counts as active now,
   * lives for `conversationTtl`, and keeps its newest `maxMessages`. Its messages get new positions.
   *
   * The call checks the whole record before it writes, and one script stores it. You can repeat the call: a stored
   * conversation with the same agent and the same messages stays as it is, even if its title has changed.
   *
   * @param record the value that `export` returned, or a record of the kind `conversation` of `sessions.exportUser`.
   * @returns the conversation, and whether this call imported it.
   * @throws InvalidOptionError if the record or an option is invalid, or a message exceeds `maxMessageBytes`. The error names
   * the message at fault.
   * @throws ConversationTooLargeError if the record exceeds 10,000 messages or 16 MiB.
   * @throws ConversationExistsError if the owner has another conversation, or a thread of LangGraph, with this id.
   * @throws ConversationChangedError while the conversation with this id is being erased.
   * @throws ConversationNotFoundError if an earlier call with this `operationId` imported the conversation, and it has been
   * removed since.
   * @throws OperationConflictError if another write had this `operationId`.
   * @throws StorageFullError if Redis is out of memory. Nothing was stored.
   * @throws StoreUnavailableError otherwise. If it is `indeterminate`, repeat the call with its `operationId`.
   *
   * @example
   * ```ts
   * const record = JSON.parse(await readFile("conversation.json", "utf8"));
   * const { outcome, conversation } = await sessions.conversations.import(owner, record);
   * ```
   */
  async import(owner: Owner, record: ExportedConversation, options: ImportOptions = {}): Promise<ImportedConversation> {
    return importConversation(this.#settings, keysOf(this.#settings, owner), record, options);
  }
}

/** Returns the existing fields of a hash as name, value, name, value …. */
function fieldsIn(names: readonly string[], values: unknown): Stored[] {
  const present = list(values).map(storedOrNothing);
  return names.flatMap((name, index) => {
    const value = present[index];
    return value === undefined ? [] : [name, value];
  });
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
 * Removes a conversation and its messages, and returns its next generation. With an empty `sessionId`, the caller acts for
 * the owner. Otherwise it acts for a session, and the script first checks that this session is live.
 */
export async function removeConversation(
  connection: Connection,
  keys: OwnerKeys,
  removal: { operationId: string; digest: string; conversationId: string; sessionId: string },
): Promise<string> {
  const { operationId, digest, conversationId, sessionId } = removal;
  const asking = sessionId === "" ? {} : { record: keys.session(sessionId), index: keys.sessions };
  const { generation } = await write(connection, removeConversationScript, {
    operationId,
    keys: { ...removalKeysOf(keys, conversationId, operationId), ...asking },
    arguments: { digest, conversationId, sessionId, channel: answerChannel(keys.base, conversationId) },
  });
  return generation;
}

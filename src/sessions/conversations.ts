import type { BaseMessage } from "@langchain/core/messages";
import { digestOf, operationIdOf, type WriteOptions } from "../redis/operation.js";
import { decodeMessage } from "../codec/decode.js";
import { ConversationNotFoundError, CorruptMessageError, OperationConflictError } from "../errors.js";
import { Budget } from "../redis/budget.js";
import type { OwnerKeys } from "../redis/keys.js";
import { count, isMember, textList } from "../redis/replies.js";
import { listConversationsScript } from "../redis/scripts/conversations/list.js";
import {
  type RemoveConversation,
  removeConversationScript,
  type RemoveOutcome,
} from "../redis/scripts/conversations/remove.js";
import { renameConversationScript } from "../redis/scripts/conversations/rename.js";
import { read, run, write } from "../redis/send.js";
import {
  type ConversationPage,
  type MessagePage,
  parseConversationPage,
  parseId,
  parseMessagePage,
  parseTitle,
  type SessionSettings,
} from "./options.js";
import { toConversation } from "./record.js";
import type { Conversation } from "./schema.js";

// What SessionStore does for an owner with conversations; documented there.

/** A stored message with its place and its time. */
export interface StoredMessage {
  /** Position in the conversation's list, 0 for the oldest that is kept. */
  index: number;
  /** When it was appended, by the server's clock. */
  at: Date;
  message: BaseMessage;
}

export async function listConversations(
  settings: SessionSettings,
  keys: OwnerKeys,
  page: ConversationPage,
): Promise<Conversation[]> {
  const input = { conversations: keys.conversations, ...parseConversationPage(page) };
  const budget = new Budget(settings);
  for (;;) {
    const { unfinished, entries } = await run(budget.connection(), listConversationsScript, input);
    if (!unfinished) return entries.map(toConversation);
  }
}

export async function readMessages(
  settings: SessionSettings,
  keys: OwnerKeys,
  conversationId: string,
  page: MessagePage,
): Promise<StoredMessage[]> {
  const id = parseId("conversationId", conversationId);
  const { limit, before } = parseMessagePage(page);
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
      // In front of index 0 there is nothing, and -1 is the last one.
      return { length: count(total), entries: before === 0 ? [] : textList(found) };
    },
  );
  // The list is shorter by now, because it was cleared or capped: go on at its end.
  if (before !== undefined && before > length) {
    return readMessages({ ...settings, ...budget.connection() }, keys, conversationId, { limit, before: length });
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

export async function renameConversation(
  settings: SessionSettings,
  keys: OwnerKeys,
  { conversationId, title, options }: { conversationId: string; title: string; options: WriteOptions | undefined },
): Promise<void> {
  const id = parseId("conversationId", conversationId);
  const name = parseTitle(title);
  const operationId = operationIdOf(options);
  const operation = keys.operation(operationId);
  const outcome = await write(
    settings,
    renameConversationScript,
    {
      operationId,
      keys: { conversation: keys.conversation(id), operation },
      digest: digestOf("rename", id, name),
      title: name,
    },
    operation,
  );
  if (outcome === "conflict") throw new OperationConflictError(operationId);
  if (outcome === "no-conversation") throw new ConversationNotFoundError();
}

export async function deleteConversation(
  settings: SessionSettings,
  keys: OwnerKeys,
  { conversationId, options }: { conversationId: string; options: WriteOptions | undefined },
): Promise<void> {
  const id = parseId("conversationId", conversationId);
  const operationId = operationIdOf(options);
  const digest = digestOf("delete", id);
  const removal = { operationId, digest, conversationId: id, sessionId: "" };
  const { outcome } = await removeConversation(settings, keys, removal);
  if (outcome === "no-conversation") throw new ConversationNotFoundError();
}

/** For its owner (`sessionId` is `""`), or on behalf of a session, which has to be live. */
export async function removeConversation(
  settings: SessionSettings,
  keys: OwnerKeys,
  removal: Omit<RemoveConversation, "keys">,
): Promise<{ outcome: Exclude<RemoveOutcome["outcome"], "conflict">; generation: string }> {
  const { operationId, conversationId, sessionId } = removal;
  const operation = keys.operation(operationId);
  const { outcome, generation } = await write(
    settings,
    removeConversationScript,
    {
      ...removal,
      keys: {
        conversation: keys.conversation(conversationId),
        messages: keys.messages(conversationId),
        conversations: keys.conversations,
        operation,
        record: sessionId === "" ? keys.sessions : keys.session(sessionId),
        index: keys.sessions,
      },
    },
    operation,
  );
  if (outcome === "conflict") throw new OperationConflictError(operationId);
  return { outcome, generation };
}

import { openEntries } from "../chat-history/entries.js";
import type { OwnerKeys } from "../redis/keys.js";
import { heldAnswerScript } from "../redis/scripts/answer/held.js";
import { run } from "../redis/send.js";
import { conversationParts } from "./conversation-parts.js";
import type { AnswerRecord, ExportedRecord } from "./exported.js";
import type { SessionSettings } from "./options.js";
import { connectionOfOwner } from "./owner-keys.js";
import { exportedConversation, exportedMessage, stored } from "./stored-message.js";

/** Yields the records of a conversation: the conversation, all its messages, and its latest answer. */
export async function* exportConversation(
  settings: SessionSettings,
  keys: OwnerKeys,
  id: string,
): AsyncGenerator<ExportedRecord, void, undefined> {
  const connection = connectionOfOwner(settings, keys, { conversationId: id });
  let isFirst = true;
  for await (const part of conversationParts(() => connection, keys, id, settings)) {
    const messages = part.messages.map(exportedMessage);
    const continues = part.isLast ? {} : ({ continues: true } as const);
    yield isFirst
      ? { kind: "conversation", ...exportedConversation(part.conversation, messages), ...continues }
      : {
          kind: "messages",
          format: "langchain-redis-sessions/messages/1",
          conversationId: id,
          messages,
          ...continues,
        };
    isFirst = false;
  }
  // Without a record, the owner has no such conversation, so its answer is not the owner's either.
  if (!isFirst) yield* exportAnswer(settings, keys, id);
}

async function* exportAnswer(
  settings: SessionSettings,
  keys: OwnerKeys,
  conversationId: string,
): AsyncGenerator<AnswerRecord, void, undefined> {
  const { answer } = keys.answer(conversationId);
  const { lease } = keys.turns(conversationId);
  const connection = connectionOfOwner(settings, keys, { conversationId });
  const conversation = keys.conversation(conversationId);
  const found = await run(connection, heldAnswerScript, { keys: { answer, lease, conversation }, arguments: {} });
  if (found.outcome === "none") return;
  const { operationId, state, startedAt, position, replaces, lineage, entries } = found;
  const { maxMessageBytes: maxBytes, onCorrupt } = settings;
  const kept = await openEntries(connection, entries, { within: lineage, maxBytes });
  const asked = kept.flatMap((entry, index) => stored(entry, index, onCorrupt).map(exportedMessage));
  yield {
    kind: "answer",
    format: "langchain-redis-sessions/answer/1",
    conversationId,
    operationId,
    state,
    startedAt: new Date(Number(startedAt)).toISOString(),
    ...(position === "" ? {} : { position }),
    ...(replaces === "" ? {} : { replaces }),
    ...(asked.length === 0 ? {} : { question: asked }),
  };
}

import { isDeepStrictEqual } from "node:util";
import { decodeMessage } from "../codec/decode.js";
import { encodeMessage } from "../codec/encode.js";
import { isObject } from "../codec/json.js";
import { ConversationExistsError, ConversationTooLargeError, InvalidOptionError } from "../errors.js";
import { sealEntries } from "../chat-history/entries.js";
import { unsealed } from "../encryption/sealers.js";
import type { Value } from "../redis/port.js";
import type { Sealer } from "../redis/sealing.js";
import { Lineage } from "./lineage.js";
import { openConversation, sealTitle } from "./opened-record.js";
import { connectionOfOwner } from "./owner-keys.js";
import { Budget } from "../redis/budget.js";
import type { OwnerKeys } from "../redis/keys.js";
import {
  importConversationScript,
  MAX_IMPORT_BYTES,
  MAX_IMPORT_MESSAGES,
} from "../redis/scripts/conversation/import.js";
import { write } from "../redis/send.js";
import { conversationParts } from "./conversation-parts.js";
import type { ExportedConversation } from "./exported.js";
import { type ImportOptions, isTimeText, parseImport, type ParsedImport } from "./import-options.js";
import type { SessionSettings } from "./options.js";
import type { Conversation } from "./session.js";
import { exportedMessage } from "./stored-message.js";

/** The result of `conversations.import`. */
export interface ImportedConversation {
  /** `"unchanged"`: the owner already had a conversation with this id, the same agent and the same messages. */
  outcome: "imported" | "unchanged";
  /** The stored conversation. */
  conversation: Conversation;
}

/** A checked message of a record. */
interface CheckedMessage {
  readonly encoded: string;
  /** In milliseconds since 1970. */
  readonly at: number;
}

/** Stores an exported conversation. See {@link Conversations.import}. */
export async function importConversation(
  settings: SessionSettings,
  keys: OwnerKeys,
  record: ExportedConversation,
  options: ImportOptions,
): Promise<ImportedConversation> {
  const parsed = parseImport(record, options, keys.base);
  const { id, operationId, fields } = parsed;
  const messages = checkedMessages(settings, parsed);
  const budget = new Budget(connectionOfOwner(settings, keys, { conversationId: id }));
  const lineage = new Lineage();
  const reply = await write(budget.connection(), importConversationScript, {
    operationId,
    keys: {
      conversation: keys.conversation(id),
      messages: keys.messages(id),
      conversations: keys.conversations,
      threads: keys.threads,
      operation: keys.operation(operationId),
      erased: keys.erasedConversations,
      erasedThreads: keys.erasedThreads,
    },
    sealedFor: settings.conversationMilliseconds,
    arguments: (sealer) => ({
      digest: (sealer ?? unsealed).digest("import", id, ...fields, ...messages.map(wholeOf)),
      lineage: lineage.argumentFor(sealer),
      conversationId: id,
      ttl: settings.conversationMilliseconds,
      fields: sealRecord(sealer, fields, lineage.id),
      entries: sealEntries(
        sealer,
        messages.map(({ encoded }) => encoded),
        lineage.id,
      ).map((entry, index) => withTime(entry, messages[index]?.at ?? 0)),
    }),
  });
  if (reply.outcome !== "exists") {
    const { length, fields: found } = reply;
    const conversation = await openConversation(budget.connection(), { id, length, fields: found }, settings.onCorrupt);
    return { outcome: "imported", conversation };
  }
  const conversation = await sameConversation(() => budget.connection(), keys, parsed, messages, settings);
  if (conversation === undefined) throw new ConversationExistsError();
  return { outcome: "unchanged", conversation };
}

function wholeOf({ encoded, at }: CheckedMessage): string {
  return `${encoded},"at":${at}}`;
}

function withTime(entry: Value, at: number): Value {
  const time = `,"at":${at}}`;
  return typeof entry === "string" ? entry + time : Buffer.concat([entry, Buffer.from(time)]);
}

/** Seals the title among the fields of a conversation. */
function sealRecord(sealer: Sealer | undefined, fields: readonly string[], lineage: string): readonly Value[] {
  return fields.map((value, index) =>
    index % 2 === 1 && fields[index - 1] === "title" ? sealTitle(sealer, value, lineage) : value,
  );
}

/** Returns the stored conversation if it has the same agent and the same messages. */
async function sameConversation(
  connection: Parameters<typeof conversationParts>[0],
  keys: OwnerKeys,
  { id, agentId }: ParsedImport,
  messages: readonly CheckedMessage[],
  { maxMessageBytes }: Pick<SessionSettings, "maxMessageBytes">,
): Promise<Conversation | undefined> {
  let compared = 0;
  // A message that cannot be read is not the same, so skip it: the number of messages then differs.
  for await (const part of conversationParts(connection, keys, id, { onCorrupt: "skip", maxMessageBytes })) {
    const { conversation } = part;
    if (conversation.agentId !== agentId || conversation.messageCount !== messages.length) return undefined;
    for (const message of part.messages) {
      const other = messages[compared];
      if (other === undefined || !isSame(exportedMessage(message), other)) return undefined;
      compared += 1;
    }
    if (part.isLast) return compared === messages.length ? conversation : undefined;
  }
  return undefined;
}

function isSame({ at, ...message }: ReturnType<typeof exportedMessage>, other: CheckedMessage): boolean {
  return Date.parse(at) === other.at && isDeepStrictEqual(message, JSON.parse(`${other.encoded}}`));
}

/**
 * Checks all messages, and returns those that the store keeps: with `maxMessages`, the newest.
 *
 * @throws InvalidOptionError for the first value that is not a message of an export, or is too large.
 * @throws ConversationTooLargeError if there are more messages or bytes than an import accepts.
 */
function checkedMessages(
  { maxMessages, maxMessageBytes }: Pick<SessionSettings, "maxMessages" | "maxMessageBytes">,
  { messages }: ParsedImport,
): readonly CheckedMessage[] {
  if (messages.length > MAX_IMPORT_MESSAGES) throw new ConversationTooLargeError();
  let bytes = 0;
  const checked = messages.map((message, index) => {
    const found = checkedMessage(message, index);
    const size = Buffer.byteLength(found.encoded);
    if (size > maxMessageBytes) {
      throw new InvalidOptionError(
        `record.messages[${index}]`,
        `it takes ${size} bytes, and maxMessageBytes is ${maxMessageBytes}. Store large content elsewhere, or raise the limit.`,
      );
    }
    bytes += size;
    if (bytes > MAX_IMPORT_BYTES) throw new ConversationTooLargeError();
    return found;
  });
  return maxMessages > 0 ? checked.slice(-maxMessages) : checked;
}

const PARTS: ReadonlySet<string> = new Set(["type", "data", "rich", "own", "at"]);

/** Decodes a message as if it were stored, and encodes it anew, so that Redis only gets the form that this library writes. */
function checkedMessage(value: unknown, index: number): CheckedMessage {
  const option = `record.messages[${index}]`;
  if (!isObject(value) || Object.keys(value).some((name) => !PARTS.has(name))) {
    throw new InvalidOptionError(option, "use an object with type, data and at, and optionally rich and own.");
  }
  const { at: time, ...fields } = value;
  if (!isTimeText(time)) {
    throw new InvalidOptionError(`${option}.at`, "use a time in ISO 8601, such as 2026-11-21T10:00:00.000Z.");
  }
  const at = Date.parse(time);
  try {
    const { message } = decodeMessage(JSON.stringify({ ...fields, at }), index);
    return { encoded: encodeMessage(message, index), at };
  } catch {
    // Drop the error (of a cycle, a throwing getter, too great a depth …), because its message may quote content.
    throw new InvalidOptionError(option, "it is not a message as conversations.export() returns it.");
  }
}

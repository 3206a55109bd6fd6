import type { OwnerKeys } from "../redis/keys.js";
import { openEntries } from "../chat-history/entries.js";
import type { Stored } from "../redis/sealing.js";
import type { SessionSettings } from "./options.js";
import { exportConversationScript } from "../redis/scripts/conversation/export.js";
import { type Connection, run } from "../redis/send.js";
import { type Places, positionsOf } from "./positions.js";
import { isMarkedSealed, lineageOf, openConversation } from "./opened-record.js";
import type { Conversation } from "./session.js";
import { stored, type StoredMessage } from "./stored-message.js";

/** A page of a conversation, oldest first. */
export interface ConversationPart {
  /** The conversation at the time of this page, with its number of messages. */
  readonly conversation: Conversation;
  readonly messages: readonly Omit<StoredMessage, "position">[];
  readonly isLast: boolean;
}

/**
 * Yields the messages that a conversation has at the beginning, one bounded page at a time. Yields nothing if the owner has
 * no such conversation. Messages are found by their numbers, which added and removed messages do not change. Messages that
 * are removed meanwhile, and those that replace them, are left out.
 *
 * @param connection returns the connection for a page.
 * @throws CorruptMessageError for an entry that cannot be read, unless `onCorrupt` is `"skip"`.
 */
export async function* conversationParts(
  connection: () => Connection,
  keys: OwnerKeys,
  id: string,
  { onCorrupt, maxMessageBytes: maxBytes }: Pick<SessionSettings, "onCorrupt" | "maxMessageBytes">,
): AsyncGenerator<ConversationPart, void, undefined> {
  let begun: Begun | undefined;
  for (let from = 0; ;) {
    const page = await run(connection(), exportConversationScript, {
      keys: {
        conversation: keys.conversation(id),
        messages: keys.messages(id),
        conversations: keys.conversations,
        threads: keys.threads,
      },
      arguments: { conversationId: id, from, behind: begun?.behind ?? -1 },
    });
    if (page.outcome === "none") {
      if (begun !== undefined) yield { conversation: begun.conversation, messages: [], isLast: true };
      return;
    }
    const { first, eras, length, start, fields, entries } = page;
    const conversation = await openConversation(connection(), { id, length, fields }, onCorrupt);
    begun ??= { conversation, places: { first, eras }, behind: first + length };
    const kept = entries.slice(0, sameOf(begun.places, page));
    from = start + entries.length;
    const isLast = kept.length < entries.length || entries.length === 0 || from >= begun.behind;
    const opened = await openEntries(connection(), kept, {
      within: lineageOf(fields),
      maxBytes,
      isSealed: isMarkedSealed(fields),
    });
    const messages = opened.flatMap((entry, offset) => stored(entry, start - first + offset, onCorrupt));
    yield { conversation, messages, isLast };
    if (isLast) return;
  }
}

/** A conversation as it was when the reading began. */
interface Begun {
  readonly conversation: Conversation;
  readonly places: Places;
  /** The number behind its last message. */
  readonly behind: number;
}

/** Returns the number of entries, from the first on, that already existed when the reading began. */
function sameOf(begun: Places, now: Places & { readonly start: number; readonly entries: readonly Stored[] }): number {
  const [before, after] = [positionsOf(begun), positionsOf(now)];
  const changed = now.entries.findIndex((_, offset) => {
    const number = now.start + offset;
    return before(number - begun.first) !== after(number - now.first);
  });
  return changed < 0 ? now.entries.length : changed;
}

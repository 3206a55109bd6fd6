import { pages } from "../agent-memory/pages.js";
import { openValue } from "../agent-memory/sealed-values.js";
import { decodeEntry } from "../agent-memory/values.js";
import { heldCheckpoints } from "../checkpoints/held-checkpoints.js";
import { KnownNodes } from "../checkpoints/known-nodes.js";
import { Thread } from "../checkpoints/thread.js";
import { CorruptMessageError, SessionNotFoundError } from "../errors.js";
import { allItems } from "../items/all-items.js";
import { decodeItems, type FoundItem } from "../items/stored-item.js";
import { agentOfMember, type OwnerKeys } from "../redis/keys.js";
import { type OwnedName, type OwnedThing, ownedThings } from "../redis/owned.js";
import { membersScript } from "../redis/scripts/owner/members.js";
import { readSessionsScript } from "../redis/scripts/session/read.js";
import { run } from "../redis/send.js";
import { exportConversation } from "./export-conversation.js";
import type { ExportedRecord, ItemRecord, MemoryRecord, SessionRecord } from "./exported.js";
import type { SessionSettings } from "./options.js";
import { openSession } from "./opened-record.js";
import { connectionOfOwner } from "./owner-keys.js";
import type { Session } from "./session.js";

/** Yields the records of the things that an index of the owner lists. */
export type Exporter = (
  settings: SessionSettings,
  keys: OwnerKeys,
  members: readonly string[],
) => AsyncGenerator<ExportedRecord, void, undefined>;

/** The exporter of each owned thing. The type makes sure that no owned thing is forgotten. */
const exporters: Readonly<Record<OwnedName, Exporter>> = {
  sessions: exportSessions,
  conversations: exportConversations,
  memories: exportMemories,
  threads: exportThreads,
  items: exportItems,
};

/** Yields everything that an owner has. */
export function exportOwner(
  settings: SessionSettings,
  keys: OwnerKeys,
): AsyncGenerator<ExportedRecord, void, undefined> {
  return exportThings(settings, keys, ownedThings, exporters);
}

/**
 * Yields the records of these things, a page at a time.
 *
 * @param by the exporter of each thing.
 */
export async function* exportThings<Name extends string>(
  settings: SessionSettings,
  keys: OwnerKeys,
  things: readonly OwnedThing<Name>[],
  by: Readonly<Record<Name, Exporter>>,
): AsyncGenerator<ExportedRecord, void, undefined> {
  for (const { name } of things) {
    yield* by[name](settings, keys, await membersOf(settings, `${keys.base}:${name}`));
  }
}

async function membersOf(settings: SessionSettings, index: string): Promise<readonly string[]> {
  return (await run(settings, membersScript, { keys: { index }, arguments: {} })).members;
}

/** The number of sessions of one page. A session may have many KiB of metadata, and a page has to stay small. */
const SESSIONS_AT_ONCE = 20;

async function* exportSessions(
  settings: SessionSettings,
  keys: OwnerKeys,
  members: readonly string[],
): AsyncGenerator<SessionRecord, void, undefined> {
  const { sessions: index } = keys;
  const connection = connectionOfOwner(settings, keys);
  for (let from = 0; from < members.length; from += SESSIONS_AT_ONCE) {
    const ids = members.slice(from, from + SESSIONS_AT_ONCE);
    const { records } = await run(connection, readSessionsScript, { keys: { index }, arguments: { ids } });
    for (const record of records) {
      yield* await readable(settings, async () => sessionRecord(await openSession(connection, record)));
    }
  }
}

function sessionRecord(session: Session): SessionRecord {
  const { startedAt, lastActivityAt, expiresAt, isActive: _, ...attributes } = session;
  return {
    kind: "session",
    format: "langchain-redis-sessions/session/1",
    ...attributes,
    startedAt: startedAt.toISOString(),
    lastActivityAt: lastActivityAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  };
}

async function* exportConversations(
  settings: SessionSettings,
  keys: OwnerKeys,
  members: readonly string[],
): AsyncGenerator<ExportedRecord, void, undefined> {
  // A conversation that has a thread and no message yet is only in the index of the threads.
  const ids = new Set([...members, ...(await membersOf(settings, keys.threads))]);
  for (const id of ids) yield* exportConversation(settings, keys, id);
}

async function* exportMemories(
  settings: SessionSettings,
  keys: OwnerKeys,
  members: readonly string[],
): AsyncGenerator<MemoryRecord, void, undefined> {
  const connection = connectionOfOwner(settings, keys);
  for (const agentId of members.map(agentOfMember)) {
    const space = { ...settings.memory, name: agentId, keys: keys.memory(agentId), holder: undefined };
    const place = { connection, space };
    for await (const [key, stored] of pages(place, "whole")) {
      yield* await readable(settings, async (): Promise<MemoryRecord> => {
        const { expiresAt, ...entry } = decodeEntry(key, await openValue(place, key, stored));
        return {
          kind: "memory",
          format: "langchain-redis-sessions/memory/1",
          agentId,
          ...entry,
          ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() }),
        };
      });
    }
  }
}

async function* exportThreads(
  settings: SessionSettings,
  keys: OwnerKeys,
  members: readonly string[],
): AsyncGenerator<ExportedRecord, void, undefined> {
  const connection = connectionOfOwner(settings, keys);
  const unlimited = { maxCheckpoints: 0, onlyLatest: false, maxValueBytes: Number.POSITIVE_INFINITY };
  for (const threadId of members) {
    const place = {
      id: threadId,
      connection,
      keys: { ...keys.thread(threadId), dataKey: keys.dataKey },
      ttlMilliseconds: settings.conversationMilliseconds,
      refreshOnRead: false,
      holder: undefined,
    };
    const thread = new Thread(place, { ...unlimited, known: new KnownNodes() });
    for await (const checkpoint of heldCheckpoints(thread, settings.onCorrupt)) {
      yield { kind: "checkpoint", format: "langchain-redis-sessions/checkpoint/1", threadId, ...checkpoint };
    }
  }
}

async function* exportItems(
  settings: SessionSettings,
  keys: OwnerKeys,
  members: readonly string[],
): AsyncGenerator<ItemRecord, void, undefined> {
  const connection = connectionOfOwner(settings, keys);
  for (const partition of members) {
    for await (const found of allItems(connection, keys.itemPartition(partition))) {
      yield* await readable(settings, async (): Promise<ItemRecord> => {
        const [{ item, deadline }] = (await decodeItems(connection, [found])) as [FoundItem];
        return {
          kind: "item",
          format: "langchain-redis-sessions/item/1",
          ...item,
          createdAt: item.createdAt.toISOString(),
          updatedAt: item.updatedAt.toISOString(),
          ...(deadline === 0 ? {} : { expiresAt: new Date(deadline).toISOString() }),
        };
      });
    }
  }
}

/** Returns the value, or no value if it cannot be read and `onCorrupt` skips it, or if the session has ended meanwhile. */
async function readable<Value>(
  { onCorrupt }: Pick<SessionSettings, "onCorrupt">,
  read: () => Value | Promise<Value>,
): Promise<Value[]> {
  try {
    return [await read()];
  } catch (error) {
    if (error instanceof SessionNotFoundError) return [];
    if (error instanceof CorruptMessageError && onCorrupt === "skip") return [];
    throw error;
  }
}

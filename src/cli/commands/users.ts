import type { KeyedConnection } from "../../redis/connection-options.js";
import { ownerIndexPattern, ownerKeys, ownerTag, tagOfIndex } from "../../redis/keys.js";
import { count, list, textList, textOrNothing } from "../../redis/replies.js";
import { scanKeys } from "../../redis/scan.js";
import { read } from "../../redis/send.js";
import { inBatches } from "../../reseal/in-batches.js";
import type { Call, Command } from "../command.js";
import { connectionOf } from "../connection.js";
import { EXIT } from "../exit-codes.js";
import { paced } from "../paced.js";
import { Progress } from "../progress.js";

export const users: Command = {
  name: "users",
  operands: [],
  options: [],
  about: "Lists the users that have stored data; scans all keys, at half speed",
  run: async (call: Call) => {
    const connection = connectionOf(call);
    const shown = await call.output.table(columns, allOwners(connection), (found) => [
      found.userId ?? "?",
      found.orgId ?? "",
      String(found.sessions),
      String(found.conversations),
      found.tag,
    ]);
    if (shown === 0) await call.output.nothing(`No user has data under the prefix ${connection.keyPrefix}.`);
    return EXIT.done;
  },
};

const columns = [
  { title: "user", width: 24 },
  { title: "organisation", width: 16 },
  { title: "sessions", width: 8 },
  { title: "conversations", width: 13 },
  { title: "tag", width: 16 },
];

interface FoundOwner {
  /** Absent if no session of the owner can be read, because nothing else in Redis holds the id. */
  readonly userId?: string;
  readonly orgId?: string;
  /** The number in the index. An expired session counts until the service looks at it. */
  readonly sessions: number;
  readonly conversations: number;
  /** The owner's name in keys: a hash of the ids. */
  readonly tag: string;
}

/** The number of owners that are read at once. */
const AT_ONCE = 32;

async function* allOwners(connection: KeyedConnection): AsyncGenerator<FoundOwner> {
  const seen = new Set<string>();
  using progress = new Progress("rows");
  let scanned = 0;
  for await (const { keys } of paced(scanKeys(connection, ownerIndexPattern, connection.keyPrefix))) {
    const tags = [...new Set(keys.map(tagOfIndex))].filter((tag) => tag !== undefined && !seen.has(tag)) as string[];
    for (const tag of tags) seen.add(tag);
    yield* await inBatches(tags, AT_ONCE, (tag) => lookAt(connection, tag));
    progress.show(`${(scanned += keys.length)} indexes, ${seen.size} users`);
  }
}

/** The number of sessions that are tried. By default, a user has no more. */
const TRIED = 5;

async function lookAt(connection: KeyedConnection, tag: string): Promise<FoundOwner> {
  const keys = ownerKeys(connection.keyPrefix, tag);
  const { ids, ...counts } = await read(
    connection,
    "owner.counts",
    [
      ["zcard", keys.sessions],
      ["zcard", keys.conversations],
      ["zrange", keys.sessions, "0", String(TRIED - 1), "REV"],
    ],
    (sessions, conversations, newest) => ({
      sessions: count(sessions),
      conversations: count(conversations),
      ids: textList(newest),
    }),
  );
  const commands = ids.map((id) => ["hmget", keys.session(id), "userId", "orgId"] as const);
  const named =
    ids.length === 0 ? [] : await read(connection, "owner.names", commands, (...replies) => replies.map(namesOf));
  // Ignore a record that names another owner.
  const own = named.find(({ userId, orgId }) => userId !== undefined && ownerTag(userId, orgId) === tag);
  return { ...own, ...counts, tag };
}

function namesOf(reply: unknown): { userId?: string; orgId?: string } {
  const [userId, orgId] = list(reply).map(textOrNothing);
  return { ...(userId === undefined ? {} : { userId }), ...(orgId === undefined ? {} : { orgId }) };
}

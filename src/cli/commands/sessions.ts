import { run } from "../../redis/send.js";
import { listScript } from "../../redis/scripts/session/list.js";
import { isContent } from "../../sessions/opened-record.js";
import { keysOf } from "../../sessions/owner-keys.js";
import { toSession } from "../../sessions/record.js";
import type { Session } from "../../sessions/session.js";
import type { Call, Command } from "../command.js";
import { connectionOf } from "../connection.js";
import { EXIT } from "../exit-codes.js";
import { timeCell } from "../output.js";
import { named, ownerOf, storeOf } from "../owner.js";

export const sessions: Command = {
  name: "sessions",
  operands: ["user"],
  options: ["org", "texts"],
  about: "Lists the live sessions of a user, oldest first",
  run: async (call: Call) => {
    const { output, options } = call;
    const owner = ownerOf(call);
    const found: ListedSession[] =
      options.texts === true ? await storeOf(call).list(owner) : await withoutContent(call);
    const count = await output.table(options.texts === true ? [...columns, ...contents] : columns, found, cellsOf);
    if (count === 0) await output.nothing(`${named(owner)} has no live session.`);
    return EXIT.done;
  },
};

type ListedSession = Omit<Session, "metadata">;

const columns = [
  { title: "session", width: 22 },
  { title: "conversation", width: 22 },
  { title: "agent", width: 12 },
  { title: "started", width: 20 },
  { title: "last activity", width: 20 },
  { title: "expires", width: 20 },
  { title: "messages", width: 8 },
];

/** The columns that docs/privacy.md calls content. */
const contents = [
  { title: "address", width: 15 },
  { title: "user agent", width: 20 },
];

function cellsOf(session: ListedSession): readonly string[] {
  const { id, conversationId, agentId, startedAt, lastActivityAt, expiresAt, messageCount } = session;
  const times = [startedAt, lastActivityAt, expiresAt].map(timeCell);
  const { ipAddress = "", userAgent = "" } = session;
  return [id, conversationId, agentId, ...times, String(messageCount), ipAddress, userAgent];
}

/** Reads only the fields that are never sealed, so that no key is needed. */
async function withoutContent(call: Call): Promise<ListedSession[]> {
  const connection = connectionOf(call);
  const keys = keysOf(connection, ownerOf(call));
  const { records } = await run(connection, listScript, { keys: { index: keys.sessions }, arguments: {} });
  return records.map((record) => {
    const readable = record.filter((_, at) => !isContent(String(record[at - (at % 2)]))).map(String);
    const { metadata: _, ...session } = toSession(readable);
    return session;
  });
}

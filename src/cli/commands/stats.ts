import type { KeyedConnection } from "../../redis/connection-options.js";
import { contentPattern, foundKey } from "../../redis/found-keys.js";
import type { Command as RedisCommand } from "../../redis/port.js";
import { scanKeys } from "../../redis/scan.js";
import { inTime } from "../../redis/send.js";
import type { Call, Command } from "../command.js";
import { connectionOf } from "../connection.js";
import { EXIT } from "../exit-codes.js";
import { type KindOfKey, kindOfKey, kinds } from "../kinds.js";
import { paced } from "../paced.js";
import { Progress } from "../progress.js";

export const stats: Command = {
  name: "stats",
  operands: [],
  options: [],
  about: "Counts what is stored, and measures its memory; scans all keys, at half speed",
  run: async (call: Call) => {
    await call.output.table(columns, await countAll(connectionOf(call)), (row) => [
      row.what,
      ...[row.count, row.messages, row.keys, row.bytes].map((amount) => String(amount ?? "")),
    ]);
    return EXIT.done;
  },
};

const columns = [
  { title: "what", width: 16 },
  { title: "count", width: 10 },
  { title: "messages", width: 10 },
  { title: "keys", width: 10 },
  { title: "bytes", width: 12 },
];

/** One kind of stored thing, its number and its memory. */
interface Row {
  readonly what: string;
  count: number;
  messages?: number;
  keys?: number;
  /** Absent if Redis refuses MEMORY USAGE. */
  bytes?: number;
}

async function countAll(connection: KeyedConnection): Promise<Row[]> {
  const rows = new Map<string, Row>(kinds.map((what) => [what, { what, count: 0, keys: 0 }]));
  const users = new Set<string>();
  using progress = new Progress("alone");
  let base = "";
  const patternOf = (prefix: string): string => {
    base = prefix;
    return contentPattern(prefix);
  };
  let scanned = 0;
  for await (const { keys, node } of paced(scanKeys(connection, patternOf, connection.keyPrefix))) {
    for (const key of await measured({ ...connection, client: node }, base, keys)) {
      if (key.user !== undefined) users.add(key.user);
      const row = rows.get(key.kind) as Row;
      row.keys = (row.keys ?? 0) + 1;
      if (key.isCounted) row.count++;
      if (key.bytes !== undefined) row.bytes = (row.bytes ?? 0) + key.bytes;
      if (key.messages !== undefined) row.messages = (row.messages ?? 0) + key.messages;
    }
    progress.show(`${(scanned += keys.length)} keys`);
  }
  return [{ what: "users", count: users.size }, ...rows.values()];
}

interface MeasuredKey extends Omit<KindOfKey, "isList"> {
  readonly user: string | undefined;
  readonly bytes: number | undefined;
  readonly messages: number | undefined;
}

/** Measures keys on their node. Leaves out amounts that the node refuses, and keys that have gone meanwhile. */
async function measured(connection: KeyedConnection, base: string, keys: readonly string[]): Promise<MeasuredKey[]> {
  const known = keys.flatMap((key) => {
    const found = foundKey(base, key);
    return found === undefined ? [] : [{ key, holder: found.holder, ...kindOfKey(found) }];
  });
  const lists = known.filter(({ isList }) => isList);
  const commands: RedisCommand[] = [
    ...known.map(({ key }): RedisCommand => ["memory", "usage", key]),
    ...lists.map(({ key }): RedisCommand => ["llen", key]),
  ];
  const replies = commands.length === 0 ? [] : await inTime(connection, () => connection.client.pipeline(commands));
  const amounts = replies.map((reply) => (typeof reply === "number" ? reply : undefined));
  return known.map(({ holder, kind, isCounted, isList, key }, index) => ({
    kind,
    isCounted,
    user: holder.kind === "user" ? holder.name : undefined,
    bytes: amounts[index],
    messages: isList ? amounts[known.length + lists.findIndex((one) => one.key === key)] : undefined,
  }));
}

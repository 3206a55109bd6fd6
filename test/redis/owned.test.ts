// Owned things are declared once: a kind that is in the list is erased, listed in the key table, and in the ACL.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { IoredisPort } from "../../src/redis/ioredis.js";
import { OwnerKeys, ownerKeys } from "../../src/redis/keys.js";
import { ownedMarks, type OwnedThing, ownedThings } from "../../src/redis/owned.js";
import { fragment } from "../../src/redis/script/fragment.js";
import { scripts } from "./support/all-scripts.js";
import { eraseScriptOf } from "../../src/redis/scripts/owner/erase.js";
import { eraseOwner } from "../../src/sessions/erase.js";
import { grantedCommands } from "../support/acl.js";
import { freshId } from "../support/turns.js";
import { commandsOf, erasedTable, keyTable } from "./support/owned-pages.js";

const { host, port } = inject("servers").single;
let client: Redis;
beforeAll(() => {
  client = new Redis({ host, port });
});
afterAll(() => client.quit());

/** A kind that the library does not have. */
const notes: OwnedThing = {
  name: "notes",
  index: { holds: "numbers of notes", fate: "derived" },
  keys: [
    { key: "note:<number>", type: "hash", holds: "a note", fate: "exported" },
    {
      key: "note-read:<number>",
      type: "string",
      holds: "when it was read",
      fate: "mark",
      afterErasure: { holds: "A time.", until: "a week" },
    },
  ],
  remove: fragment(/* lua */ `
local function remove(base, number)
  redis.call("GETEX", base .. "note-read:" .. number, "EX", 604800)
  return redis.call("UNLINK", base .. "note:" .. number)
end`),
};
const things = [...ownedThings, notes];

test("a kind that is in the list is erased in steps, and counted", async () => {
  const keys = ownerKeys("chat", freshId().slice(0, 16));
  const pipeline = client.pipeline();
  for (let number = 1; number <= 450; number += 1) {
    pipeline.zadd(`${keys.base}:notes`, number, String(number)).hset(`${keys.base}:note:${number}`, "text", "…");
  }
  await pipeline.set(`${keys.base}:note-read:1`, "now").exec();
  const settings = {
    client: new IoredisPort(client),
    deadlineMilliseconds: 5_000,
    keyPrefix: "chat",
    maxTokenMilliseconds: 60_000,
    wait: undefined,
    encryption: undefined,
    compress: false,
  };
  expect(await eraseOwner(settings, keys, things, eraseScriptOf(things))).toEqual({
    sessions: 0,
    conversations: 0,
    memories: 0,
    threads: 0,
    items: 0,
    notes: 450,
  });
  const left = await client.keys(`${keys.base}:*`.replaceAll(/[{}]/g, "?"));
  expect(left.toSorted()).toEqual([keys.notBefore, `${keys.base}:note-read:1`].toSorted());
  expect(await client.ttl(`${keys.base}:note-read:1`)).toBeGreaterThan(600_000);
});

test("a kind that is in the list is in the table of keys, in the table of what stays, and in the ACL", () => {
  expect(keyTable(things, ownedMarks)).toContain("| `notes` | zset | numbers of notes | is removed |");
  expect(keyTable(things, ownedMarks)).toContain("| `note:<number>` | hash | a note | is removed |");
  expect(erasedTable(things, ownedMarks)).toContain("| `note-read:<number>` | A time. | a week |");
  const added = commandsOf([...scripts, eraseScriptOf(things)]).filter((name) => !grantedCommands.includes(name));
  expect(added).toEqual(["getex"]);
});

test("docs/redis.md has the tables and the ACL that the list makes; UPDATE_DOCS=1 writes the tables", () => {
  const file = path.join(import.meta.dirname, "../../docs/redis.md");
  const tables = { owned: keyTable(ownedThings, ownedMarks), erased: erasedTable(ownedThings, ownedMarks) };
  const page = readFileSync(file, "utf8");
  const made = Object.entries(tables).reduce(
    (text, [name, table]) =>
      text.replace(
        new RegExp(`(<!-- ${name} keys -->\\n\\n)(?:\\|.*\\n)*`),
        (_, marker: string) => `${marker}${table}\n`,
      ),
    page,
  );
  if (process.env["UPDATE_DOCS"]) writeFileSync(file, made);
  else expect(page).toBe(made);
  for (const table of Object.values(tables)) expect(made).toContain(table);
  expect(grantedCommands.toSorted()).toEqual(commandsOf(scripts));
});

test("each key that an owner has is of a kind in the list", () => {
  const keys = ownerKeys("chat", "0123456789abcdef");
  const { base } = keys;
  const spelled = [
    keys.sessions,
    keys.conversations,
    keys.memories,
    keys.threads,
    keys.items,
    keys.notBefore,
    keys.dataKey,
    keys.session("<id>"),
    keys.conversation("<id>"),
    keys.messages("<id>"),
    ...Object.values(keys.turns("<id>")),
    ...Object.values(keys.answer("<id>")),
    ...Object.values(keys.thread("<id>")),
    ...["values", "deadlines", "usage", "writes"].map((part) => keys.memory("<agent>")[part as "values"]),
    keys.memory("<agent>").operation("<id>"),
    ...["items", "order", "namespaces", "deadlines"].map((part) => keys.itemPartition("<partition>")[part as "items"]),
    keys.operation("<id>"),
  ].map((key) => decodeURIComponent(key.slice(base.length + 1)));
  const declared = [
    ...ownedThings.flatMap((thing) => [thing.name, ...thing.keys.map(({ key }) => key)]),
    ...ownedMarks.map(({ key }) => key),
  ];
  expect(spelled.toSorted()).toEqual(declared.toSorted());
  // A new name has to be spelled above, too.
  expect(Object.getOwnPropertyNames(OwnerKeys.prototype).toSorted()).toEqual([
    "answer",
    "constructor",
    "conversation",
    "conversations",
    "dataKey",
    "erasedConversations",
    "erasedThreads",
    "itemPartition",
    "items",
    "memories",
    "memory",
    "messages",
    "notBefore",
    "operation",
    "session",
    "sessions",
    "thread",
    "threads",
    "turns",
  ]);
});

test("each mark says what is left in it and until when, and what is derived is removed whole", () => {
  const keys = [...ownedThings.flatMap((thing) => thing.keys), ...ownedMarks];
  const unsaid = keys.filter(({ fate, afterErasure }) =>
    fate === "mark" ? afterErasure === undefined : fate === "derived" && afterErasure !== undefined,
  );
  expect(unsaid).toEqual([]);
});

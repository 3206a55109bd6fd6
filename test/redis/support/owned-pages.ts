import type { OwnedKey, OwnedThing } from "../../../src/redis/owned.js";
import type { AnyScript } from "../../../src/redis/script/define.js";

// What docs/redis.md says of the keys of an owner and of what a Redis user needs, made from the list of owned things.

const fates: Readonly<Record<OwnedKey["fate"], string>> = {
  exported: "is removed",
  derived: "is removed",
  mark: "stays as a mark",
};

function keysOf(things: readonly OwnedThing[], marks: readonly OwnedKey[]): readonly OwnedKey[] {
  return [
    ...things.flatMap(({ name, index, keys }) => [{ key: name, type: "zset", ...index } as const, ...keys]),
    ...marks,
  ];
}

export function keyTable(things: readonly OwnedThing[], marks: readonly OwnedKey[]): string {
  const rows = keysOf(things, marks).map(
    ({ key, type, holds, fate, afterErasure }) =>
      `| \`${key}\` | ${type} | ${holds} | ${fate === "exported" && afterErasure ? "is removed but for a mark" : fates[fate]} |`,
  );
  return ["| Key | Type | What is in it | When the user is erased, it |", "|---|---|---|---|", ...rows].join("\n");
}

export function erasedTable(things: readonly OwnedThing[], marks: readonly OwnedKey[]): string {
  const rows = keysOf(things, marks).flatMap(({ key, afterErasure }) =>
    afterErasure ? [`| \`${key}\` | ${afterErasure.holds} | ${afterErasure.until} |`] : [],
  );
  return ["| Key | What is in it | Until |", "|---|---|---|", ...rows].join("\n");
}

/** What the library sends beside scripts. */
const beside = [
  "evalsha",
  "eval",
  "info",
  "subscribe",
  "unsubscribe",
  "exists",
  "lrange",
  "llen",
  "hget",
  "hmget",
  "zscore",
  "pttl",
];

/** The commands that the library sends, in lower case and in order. */
export function commandsOf(scripts: readonly Pick<AnyScript, "lua">[]): readonly string[] {
  const inScripts = scripts.flatMap(({ lua }) =>
    [...lua.matchAll(/redis\.p?call\("([A-Z]+)"/g)].map(([, name = ""]) => name.toLowerCase()),
  );
  return [...new Set([...beside, ...inScripts])].toSorted();
}

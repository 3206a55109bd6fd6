import { storedValue, text as textReply } from "../../replies.js";
import type { Stored } from "../../sealing.js";
import { notLive, type Refusal } from "../../refusals.js";
import { number, text } from "../../script/arguments.js";
import { nothing } from "../../script/define.js";
import { keepKey, staleKey } from "../fragments/data-key.js";
import { enter, refused } from "../fragments/memory.js";
import { digestArgument, operationKey } from "../fragments/operation.js";

// What the scripts of agent memory share, so that one script serves a namespace on its own and one that belongs to a
// session.

/** How much a namespace may hold and take; 0: no limit. */
export interface SpaceLimits {
  readonly writesPerDay: number;
  readonly storageBytes: number;
  readonly valueBytes: number;
  readonly keys: number;
}

const values = { values: 'hash: key, then "<version> <deadline> <items> <JSON>", or sealed' } as const;

/** Keys of a script that only reads. */
export const readKeys = values;

/** Keys of a script that writes, its operation aside. */
export const writeKeys = {
  ...values,
  deadlines: "sorted set: those keys that have a deadline, in milliseconds",
  usage: "hash: bytes, version, sealed",
  writes: "hash: day, count, pad",
} as const;

/** Keys of a namespace that belongs to a session. */
export const holderKeys = {
  record: "hash: the session that asks",
  index: "sorted set: the owner's sessions",
  memories: "sorted set: the owner's namespaces, by the time until which they are there",
} as const;

/** Arguments that name who asks; each "" for a namespace on its own. */
export const holderArguments = {
  sessionId: text("that asks"),
  agentId: text("that the session must be with"),
  member: text("of this namespace in the memories"),
};

/** A script that writes once: its keys, and that it may seal, or keep the key of what is sealed. */
export const writeOnce = {
  seals: true,
  keys: { ...writeKeys, ...operationKey },
  optionalKeys: holderKeys,
} as const;

export const removalArguments = {
  ...digestArgument,
  ...holderArguments,
  ttl: number("of the namespace in milliseconds, 0 for none"),
};

export const writeArguments = {
  ...removalArguments,
  writesPerDay: number("limit, 0 for none"),
  storageBytes: number("limit, 0 for none"),
  valueBytes: number("limit, 0 for none"),
  keyCount: number("limit, 0 for none"),
};

/** What `enterLua` uses. */
export const entering = [refused, enter] as const;

/**
 * Lua that refuses a session that may not enter, and else makes the table of the namespace, with its accounting. The locals
 * are those of the declaration.
 */
export const enterLua = enterWith("");

/** What `enterWriteLua` uses. */
export const enteringWrite = [...entering, staleKey, keepKey] as const;

/** Lua that does what `enterLua` does, for a script that may seal. A writer with another key than the owner's is refused too. */
export const enterWriteLua = enterWith(
  " dataKey = dataKey, seal = seal,",
  `local stale = staleKey(dataKey, seal)
if stale then
  return stale
end
`,
);

function enterWith(more: string, check = ""): string {
  return /* lua */ `
local refusal = refused(record, index, sessionId, agentId)
if refusal then
  return refusal
end
${check}local space = {
  values = values, deadlines = deadlines, usage = usage, writes = writes,
  record = record, index = index, memories = memories, member = member,${more}
}
enter(space)
`.trim();
}

/** Lua that makes the table of the limits. */
export const limitsLua =
  "local limits = { writesPerDay = writesPerDay, storageBytes = storageBytes, valueBytes = valueBytes, keys = keyCount }";

/** Why a session may not enter. */
export const readRefusals = ["mismatch", ...notLive] as const satisfies readonly Refusal[];

const done = (result: unknown): { result: string } => ({ result: textReply(result) });
/** What was replied then may be sealed. */
const repeated = (result: unknown): { result: Stored } => ({ result: storedValue(result) });

/** Replies of a write, its own refusals aside. */
export const writeReplies = {
  effects: { done, repeated },
  /** Expired values were removed, and nothing else was done: ask again. */
  answers: { more: nothing },
  refusals: ["conflict", "quota", ...readRefusals],
} as const;

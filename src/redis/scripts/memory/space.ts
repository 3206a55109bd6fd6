import { storedValue, text as textReply } from "../../replies.js";
import type { Stored } from "../../sealing.js";
import { notLive, type Refusal } from "../../refusals.js";
import { number, text } from "../../script/arguments.js";
import { nothing } from "../../script/define.js";
import { keepKey, staleKey } from "../fragments/data-key.js";
import { enter, refused } from "../fragments/memory.js";
import { digestArgument, operationKey } from "../fragments/operation.js";

// The common parts of the scripts of agent memory. Each script serves both a standalone namespace and one that belongs
// to a session.

/** The limits of a namespace; 0: no limit. */
export interface SpaceLimits {
  readonly writesPerDay: number;
  readonly storageBytes: number;
  readonly valueBytes: number;
  readonly keys: number;
}

const values = { values: 'hash: "<version> <deadline> <items> <JSON>" by key; the JSON may be sealed' } as const;

/** The keys of a script that only reads. */
export const readKeys = values;

/** The keys of a script that writes, without the key of the operation. */
export const writeKeys = {
  ...values,
  deadlines: "sorted set: the keys that have a deadline, by that deadline in milliseconds",
  usage: "hash: the number of bytes, the latest version, whether values may be sealed",
  writes: "hash: a day, the number of its writes, the secret of a pad",
} as const;

/** The keys of a namespace that belongs to a session. */
export const holderKeys = {
  record: "hash: the session that asks",
  index: "sorted set: the owner's sessions",
  memories: "sorted set: the owner's namespaces, by the time until which they exist",
} as const;

/** The arguments that name the session. Each is "" for a standalone namespace. */
export const holderArguments = {
  sessionId: text("the id of the session that asks"),
  agentId: text("the id of the agent that the session must have"),
  member: text("the member of this namespace in `memories`"),
};

/** The keys of a script that takes effect once. It may seal values, or keep the key of sealed values. */
export const writeOnce = {
  seals: true,
  keys: { ...writeKeys, ...operationKey },
  optionalKeys: holderKeys,
} as const;

export const removalArguments = {
  ...digestArgument,
  ...holderArguments,
  ttl: number("the namespace's time to live in milliseconds, 0 for none"),
};

export const writeArguments = {
  ...removalArguments,
  writesPerDay: number("a limit, 0 for none"),
  storageBytes: number("a limit, 0 for none"),
  valueBytes: number("a limit, 0 for none"),
  keyCount: number("a limit, 0 for none"),
};

/** The fragments that `enterLua` uses. */
export const entering = [refused, enter] as const;

/**
 * The Lua that refuses a session which may not use the memory, and otherwise makes the table of the namespace with its
 * accounting. Uses the locals of the declaration.
 */
export const enterLua = enterWith("");

/** The fragments that `enterWriteLua` uses. */
export const enteringWrite = [...entering, staleKey, keepKey] as const;

/** The Lua of `enterLua` for a script that may seal. It also refuses a writer with another key than the owner's. */
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

/** The Lua that makes the table of the limits. */
export const limitsLua =
  "local limits = { writesPerDay = writesPerDay, storageBytes = storageBytes, valueBytes = valueBytes, keys = keyCount }";

/** The refusals of a session that may not use the memory. */
export const readRefusals = ["mismatch", ...notLive] as const satisfies readonly Refusal[];

const done = (result: unknown): { result: string } => ({ result: textReply(result) });
/** The reply of the first run may be sealed. */
const repeated = (result: unknown): { result: Stored } => ({ result: storedValue(result) });

/** The replies of a write, except its own refusals. */
export const writeReplies = {
  effects: { done, repeated },
  /** Expired values were removed, and nothing else was done. Call the script again. */
  answers: { more: nothing },
  refusals: ["conflict", "quota", ...readRefusals],
} as const;

import { text as textReply } from "../../replies.js";
import { number, text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { fragment } from "../../script/fragment.js";

// Wrapped data keys in a Redis of their own, for redisDataKeys: one string for each owner.

export const wrappedKey = { wrapped: "string: the data key of an owner, wrapped" } as const;
const ttlArgument = {
  ttl: number("the shortest time for which to keep the key, in milliseconds; 0 for ever"),
} as const;
const kept = (wrapped: unknown): { wrapped: string } => ({ wrapped: textReply(wrapped) });

/** Keeps a key for at least this time. */
const keepFor = fragment(/* lua */ `
local function keepFor(wrapped, ttl)
  local left = redis.call("PTTL", wrapped)
  if ttl == 0 and left >= 0 then
    redis.call("PERSIST", wrapped)
  elseif left >= 0 and left < ttl then
    redis.call("PEXPIRE", wrapped, ttl)
  end
end`);

// allow-oom: the script only renews an existing key, and without the key nothing can be read.
export const getDataKeyScript = defineScript({
  name: "data-key.get",
  about: "returns a wrapped data key, and keeps it as long as it is needed.",
  flags: "allow-oom",
  keys: wrappedKey,
  arguments: ttlArgument,
  answers: { kept, none: () => ({}) },
  uses: [keepFor],
  lua: /* lua */ `
local held = redis.call("GET", wrapped)
if not held then
  return { "none" }
end
keepFor(wrapped, ttl)
return { "kept", held }
`,
});

export const createDataKeyScript = defineScript({
  name: "data-key.create",
  about: "stores a wrapped data key if there is none, or the one that it may replace. Returns the stored one.",
  unrecorded: true,
  keys: wrappedKey,
  arguments: {
    ...ttlArgument,
    new: text("the wrapped key"),
    replaces: text('the wrapped key that it may replace, "" for none'),
  },
  effects: { kept },
  uses: [keepFor],
  lua: /* lua */ `
local held = redis.call("GET", wrapped)
if not held then
  if ttl == 0 then
    redis.call("SET", wrapped, new)
  else
    redis.call("SET", wrapped, new, "PX", ttl)
  end
  held = new
elseif held == replaces then
  redis.call("SET", wrapped, new, "KEEPTTL")
  held = new
end
keepFor(wrapped, ttl)
return { "kept", held }
`,
});

// Lua that several scripts share. Each script is sent whole, so a fragment is text that is put in front of its body.

/** `now`: the server's time in whole milliseconds; `microseconds`: the same, finer. `whole(n)` spells it. */
export const timeLua = /* lua */ `
local function whole(number)
  return string.format("%.0f", number)
end
local time         = redis.call("TIME")
local microseconds = time[1] * 1000000 + time[2]
local now          = math.floor(microseconds / 1000)
`;

/** A record lives this much longer than its session, to tell why it ended. */
export const GRACE_MILLISECONDS = 60_000;

/**
 * What a session is worth, and how it ends. A record is live while it is in the index (the authority), has not been
 * ended, and neither of its deadlines has passed. For a grace period after its end it still knows the reason.
 */
export const sessionLua: string = /* lua */ `
local GRACE = ${GRACE_MILLISECONDS}

local function state(record, index, id)
  local fields = redis.call("HMGET", record, "ended", "activeAt", "idle", "until")
  if not (fields[2] and fields[3] and fields[4]) then
    -- Stops the script in a slot that is moving here, where what is still elsewhere looks like nothing: two keys tell.
    redis.call("EXISTS", index, record)
    return "unknown"
  elseif fields[1] then
    return fields[1]
  elseif now >= math.min(fields[2] + fields[3], tonumber(fields[4])) then
    return "expired"
  elseif not redis.call("ZSCORE", index, id) then
    return "ended"
  end
  return "live"
end

-- An index outlives its longest member.
local function outlive(key, at)
  if redis.call("PEXPIRETIME", key) < at then
    redis.call("PEXPIREAT", key, whole(at))
  end
end

local function touch(record, index)
  local limits = redis.call("HMGET", record, "idle", "until")
  local at = math.min(now + limits[1], tonumber(limits[2])) + GRACE
  redis.call("HSET", record, "activeAt", whole(now))
  redis.call("PEXPIREAT", record, whole(at))
  outlive(index, at)
end

-- What is known of a session that has ended: enough to tell its holder why. Once it is in no index an erasure does not
-- find the record any more, so it must not say whose the session was.
local KEPT = {
  secret = true, previousSecret = true, replacedAt = true, rotated = true,
  activeAt = true, idle = true, ["until"] = true, ended = true,
}
local COMPARED = { userId = true, orgId = true, agentId = true, ipAddress = true }

-- Can be compared, and not read.
local function disguised(record, name, value)
  return redis.sha1hex((redis.call("HGET", record, "secret") or "") .. " " .. name .. " " .. value)
end

local function unlist(record, index, id)
  redis.call("ZREM", index, id)
  local fields = redis.call("HGETALL", record)
  for i = 1, #fields, 2 do
    local name = fields[i]
    if COMPARED[name] then
      redis.call("HSET", record, "was:" .. name, disguised(record, name, fields[i + 1]))
    end
    if not KEPT[name] and string.sub(name, 1, 4) ~= "was:" then
      redis.call("HDEL", record, name)
    end
  end
end

local function finish(record, index, id, reason, channel)
  unlist(record, index, id)
  redis.call("HSET", record, "ended", reason)
  redis.call("PEXPIREAT", record, whole(now + GRACE))
  -- A hint: an ACL without the channel must not stop the script half-way.
  redis.pcall("PUBLISH", channel, id .. " " .. reason)
end

-- Records are found through the index. Their keys are spelled from its own, which carries whatever prefix the client
-- puts before keys; an index is "<base>sessions", a record "<base>session:<id>".
local function recordOf(index, id)
  return string.sub(index, 1, -2) .. ":" .. id
end

-- The index is the authority here too: a conversation that is being erased is in none.
local function canContinue(conversations, conversation, id, agentId)
  return redis.call("ZSCORE", conversations, id) and redis.call("HGET", conversation, "agentId") == agentId
end
`;

/**
 * The mark that stays when all of an owner's sessions were ended: "<milliseconds> <id of the session that was spared>".
 * It says since when a sign-in has to be newer, and nothing of its owner. Needs `timeLua`.
 */
export const notBeforeLua = /* lua */ `
-- authenticatedAt: whole seconds, "unknown", or "" for not compared. The second of the mark itself counts as before it.
local function mustAuthenticate(notBefore, authenticatedAt, id)
  if authenticatedAt == "" then
    return false
  end
  local at, spared = string.match(redis.call("GET", notBefore) or "", "^(%d+) (.*)$")
  if not at or (spared ~= "" and spared == id) then
    return false
  end
  return authenticatedAt == "unknown" or tonumber(authenticatedAt) <= math.floor(at / 1000)
end

-- Never earlier than one that is there, which another server's clock may have written, nor for less long.
local function markNotBefore(notBefore, spared, lifetime)
  local at = tonumber(string.match(redis.call("GET", notBefore) or "", "^%d+") or 0)
  local left = math.max(tonumber(lifetime), redis.call("PTTL", notBefore))
  redis.call("SET", notBefore, whole(math.max(at, now)) .. " " .. spared, "PX", whole(left))
end
`;

/** When the user authenticated: `undefined` for not known, `null` for not compared. */
export type AuthenticatedAt = Date | undefined | null;

/** The argument of a script that `mustAuthenticate` takes. */
export function authenticatedArgument(authenticatedAt: AuthenticatedAt): string {
  if (authenticatedAt === null) return "";
  return authenticatedAt === undefined ? "unknown" : String(Math.floor(authenticatedAt.getTime() / 1_000));
}

/**
 * What makes a write happen once. Needs ARGV[2], the window. `remember` comes before the write's effect: a script that is stopped on its way, by an
 * ACL that forbids one of its commands, say, is then not run a second time. The reply is kept with the digest.
 */
export const operationLua = /* lua */ `
local function earlier(operation, digest)
  local stored = redis.call("GET", operation)
  if not stored then
    return nil
  elseif string.sub(stored, 1, #digest) ~= digest then
    return { "conflict", "" }
  end
  -- A write: a WAIT behind this script waits for what its own connection wrote, and the effect may be another's.
  redis.call("PEXPIRE", operation, ARGV[2])
  return { "repeated", string.sub(stored, #digest + 2) }
end

local function remember(operation, digest, window, reply)
  redis.call("SET", operation, digest .. " " .. reply, "PX", window)
end
`;

/**
 * Needs `time`, the reply of TIME. Completes ARGV from `first` on with it, appends them, and keeps the newest `cap`.
 */
export const messagesLua = /* lua */ `
local function push(messages, first, cap)
  local tail = string.format(',"at":%s%03d}', time[1], math.floor(time[2] / 1000))
  for i = first, #ARGV do
    ARGV[i] = ARGV[i] .. tail
  end
  local length
  -- unpack() fails near 8,000 values.
  for from = first, #ARGV, 4000 do
    length = redis.call("RPUSH", messages, unpack(ARGV, from, math.min(from + 3999, #ARGV)))
  end
  if cap > 0 and length > cap then
    redis.call("LTRIM", messages, -cap, -1)
  end
end
`;

/**
 * Removes a conversation, and leaves its next generation, which keeps turns in flight from writing it back. Returns
 * whether there were messages.
 */
export const removalLua = /* lua */ `
local function removeConversation(conversation, messages, generation, remembered)
  redis.call("DEL", conversation)
  redis.call("HSET", conversation, "generation", generation)
  redis.call("PEXPIRE", conversation, remembered)
  return redis.call("UNLINK", messages)
end
`;

/**
 * A turn that began under a lease is stored while it holds it; also when the lease has lapsed, as long as no other turn took
 * the conversation since. `release` ends the turn; it does nothing to a lease that is another's.
 */
export const leaseLua = /* lua */ `
local function lostLease(lease, holder, token)
  if token == "" or redis.call("GET", lease) == token then
    return false
  end
  return redis.call("EXISTS", lease) == 1 or redis.call("GET", holder) ~= token
end

local function concludeTurn(lease, holder, token, after)
  if after ~= "release" then
    return
  end
  for _, key in ipairs({ lease, holder }) do
    if redis.call("GET", key) == token then
      redis.call("DEL", key)
    end
  end
end
`;

/** How long a turn whose lease has lapsed may go on, when no other turn took its conversation: as long as a lease can be. */
export const HOLDER_MILLISECONDS = 86_400_000;

/** The lease of the turn that writes, if it has one, and what becomes of it. */
export interface HeldLease {
  readonly token: string;
  /** `"keep"`: the turn goes on and will write again. `"release"`: this write ends it. */
  readonly after: "keep" | "release";
}

/** The two arguments of a script that `leaseLua` takes. */
export function leaseArguments(lease: HeldLease | undefined): [token: string, after: string] {
  return [lease?.token ?? "", lease?.after ?? "keep"];
}

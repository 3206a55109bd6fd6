import { flag, number, text } from "../../script/arguments.js";
import { fragment } from "../../script/fragment.js";
import { touch } from "./session.js";
import { microseconds, now, outlive, whole } from "./time.js";
import { clearRemembered } from "./messages.js";

// Lua of LangGraph's threads. A table `thread` stands for one: its keys `checkpoints`, `arrivals`, `nodes` and `counts`.
//
// A *place* names a checkpoint: "<namespace>\n<id>", in which both are escaped, so that there is one line feed. The hash
// `checkpoints` has these fields:
//
//   c<place>          the checkpoint, packed
//   t<place>          the tasks that wrote to it, as "<task>\n<task>\n…"
//   w<place>\n<task>  what the task wrote: its path, and then index, channel, reference, index, …, packed
//   n<place>          how many children cannot be read without it
//   l<namespace>      the place of the latest
//   arrived           how many checkpoints arrived so far
//   pruned            the places of the checkpoints that were pruned last, packed
//
// A value is made of *nodes*, named by a hash of their content, which several values share. A *reference* is the name of a
// node, or a short node itself. A node's first character tells its kind:
//
//   =<text>                       a text
//   #<type> <Base64>              bytes
//   *<name><name>…                several nodes, with a comma between each two
//   +<number>:<name><name>…<text> a text with that many line feeds; the nodes take their places
//
// Scripts read the kind and the names. What stands behind them may be sealed or compressed, and then begins with the byte
// 255; a sealed node "*" has nothing but that. The name of a sealed node is a keyed hash, and each reference that was stored
// with a sealed one holds its node: "+1:<name>" and a sealed line feed, so that it says whose it is.
//
// `counts` has how many checkpoints, writes and nodes refer to a node. At 0 the node goes.

export const threadKeys = {
  checkpoints: "hash: the thread's checkpoints, and what was written to them",
  arrivals: "sorted set: places of checkpoints, by the order in which they arrived",
  nodes: "hash: what values are made of, by name",
  counts: "hash: how often each node is referred to",
} as const;

export const deletedKey = {
  deleted: "string: that the thread was deleted; for a day",
} as const;

/** Keys of a script that reads on behalf of a session. */
export const askingKeys = {
  record: "hash: the session that asks",
  sessions: "sorted set: the owner's sessions",
  conversation: "hash: the conversation whose thread it is",
} as const;

/** Keys of a script that writes on behalf of a session. */
export const holdingKeys = {
  ...askingKeys,
  messages: "list: the messages of the conversation",
  threads: "sorted set: the owner's threads, by the time until which they are there",
} as const;

export const askingArguments = {
  sessionId: text('of the session that asks, "" for none'),
};

export const holdingArguments = {
  ...askingArguments,
  conversationId: text('of the conversation, "" for none'),
  ttl: number("of the thread in milliseconds, 0 for none"),
};

export const keepArgument = { keep: number("how many checkpoints to keep, 0 for all") };

export const onlyLatest = flag("whether the checkpoint has to be built on the latest of its namespace");

/** Lua that makes the table of a thread. */
export const threadLua =
  "local thread = { checkpoints = checkpoints, arrivals = arrivals, nodes = nodes, counts = counts }";

/** Returns the checkpoint of a place, nil when there is none, false when it cannot be read. */
export const checkpointAt = fragment(/* lua */ `
local function checkpointAt(thread, place)
  local packed = redis.call("HGET", thread.checkpoints, "c" .. place)
  if not packed then
    return nil
  end
  local readable, checkpoint = pcall(cmsgpack.unpack, packed)
  return readable and type(checkpoint) == "table" and checkpoint
end`);

/** Returns whether some keys of a thread are gone and others are not, by an eviction, say. */
export const isDamaged = fragment(/* lua */ `
local function isDamaged(thread)
  return redis.call("HLEN", thread.nodes) ~= redis.call("HLEN", thread.counts)
    or redis.call("EXISTS", thread.checkpoints) ~= redis.call("EXISTS", thread.arrivals)
end`);

/** Returns the names that a node holds. */
const namesIn = fragment(/* lua */ `
local NONE = {}
local function namesIn(content)
  local kind = string.sub(content, 1, 1)
  local from, to = 2, #content
  if kind == "+" then
    local count = string.match(content, "^%+(%d+):") or "0"
    from = #count + 3
    to = from + count * 22 - 1
  elseif kind == "*" then
    to = (string.find(content, "\\255", 1, true) or to + 1) - 1
  else
    -- Most nodes are texts: one table for all.
    return NONE
  end
  local names = {}
  for i = from, to, 22 do
    names[#names + 1] = string.sub(content, i, i + 21)
  end
  return names
end`);

/** Returns the names that a reference leads to: itself, or what is in the node that it holds. */
const namesOf = fragment(
  /* lua */ `
local function namesOf(reference)
  return string.find(reference, "^[=#*+]") and namesIn(reference) or { reference }
end`,
  namesIn,
);

/** Adds to `found` the nodes that references lead to, as name, content, …, each once. */
export const collect = fragment(
  /* lua */ `
local function collect(thread, references, seen, found)
  local level = {}
  for _, reference in ipairs(references) do
    for _, name in ipairs(namesOf(reference)) do
      level[#level + 1] = name
    end
  end
  while #level > 0 do
    local names, below = {}, {}
    for _, name in ipairs(level) do
      if not seen[name] then
        seen[name] = true
        names[#names + 1] = name
      end
    end
    -- unpack() fails near 8,000 values.
    for from = 1, #names, 4000 do
      local to = math.min(from + 3999, #names)
      local contents = redis.call("HMGET", thread.nodes, unpack(names, from, to))
      for i = from, to do
        local content = contents[i - from + 1]
        -- One that is missing is left to the reader, who knows what it is a part of.
        if content then
          found[#found + 1] = names[i]
          found[#found + 1] = content
          for _, name in ipairs(namesIn(content)) do
            below[#below + 1] = name
          end
        end
      end
    end
    level = below
  end
end`,
  namesOf,
  namesIn,
);

/** Returns the tasks that wrote to a checkpoint. */
const tasksOf = fragment(/* lua */ `
local function tasksOf(thread, place)
  local tasks = {}
  for task in string.gmatch(redis.call("HGET", thread.checkpoints, "t" .. place) or "", "([^\\n]*)\\n") do
    tasks[#tasks + 1] = task
  end
  return tasks
end`);

/** Returns what a task wrote to a checkpoint: its path, and then index, channel, reference, index, …; nil for nothing. */
export const writesOf = fragment(/* lua */ `
local function writesOf(thread, place, task)
  local packed = redis.call("HGET", thread.checkpoints, "w" .. place .. "\\n" .. task)
  return packed and cmsgpack.unpack(packed)
end`);

/** Returns what was written to a checkpoint as a list for each task: task, path, index, channel, reference, index, …. */
export const allWrites = fragment(
  /* lua */ `
local function allWrites(thread, place, references)
  local all = {}
  for _, task in ipairs(tasksOf(thread, place)) do
    local writes = writesOf(thread, place, task)
    if writes then
      for i = 4, #writes, 3 do
        references[#references + 1] = writes[i]
      end
      table.insert(writes, 1, task)
      all[#all + 1] = writes
    end
  end
  return all
end`,
  tasksOf,
  writesOf,
);

/**
 * Returns a checkpoint for the reader, false when it cannot be read: place, parent, the checkpoint without its values, its
 * metadata, its references, what was written to it, and what was written to the parent of one that keeps its sends there.
 */
export const entryOf = fragment(
  /* lua */ `
local function entryOf(thread, place, checkpoint, references)
  for i = 3, #checkpoint.references, 3 do
    references[#references + 1] = checkpoint.references[i]
  end
  local sends = {}
  if checkpoint.old and checkpoint.parent ~= "" then
    sends = allWrites(thread, checkpoint.parent, references)
  end
  return {
    place, checkpoint.parent, checkpoint.rest, checkpoint.metadata, checkpoint.references,
    allWrites(thread, place, references), sends,
  }
end`,
  allWrites,
);

/** Counts one reference less, and removes what nothing refers to any more. */
export const release = fragment(
  /* lua */ `
local function release(thread, reference)
  local names = namesOf(reference)
  while #names > 0 do
    local name = table.remove(names)
    if redis.call("HINCRBY", thread.counts, name, -1) <= 0 then
      local content = redis.call("HGET", thread.nodes, name)
      redis.call("HDEL", thread.counts, name)
      redis.call("HDEL", thread.nodes, name)
      for _, below in ipairs(namesIn(content or "")) do
        names[#names + 1] = below
      end
    end
  end
end`,
  namesOf,
  namesIn,
);

/** Returns how often nodes are referred to, by name; those that are not there are left out. */
const heldCounts = fragment(/* lua */ `
local function heldCounts(thread, names, known)
  local held, asked = known or {}, {}
  for _, name in ipairs(names) do
    if held[name] == nil then
      asked[#asked + 1] = name
    end
  end
  -- unpack() fails near 8,000 values.
  for from = 1, #asked, 4000 do
    local to = math.min(from + 3999, #asked)
    local counts = redis.call("HMGET", thread.counts, unpack(asked, from, to))
    for i = from, to do
      held[asked[i]] = counts[i - from + 1]
    end
  end
  return held
end`);

/**
 * Stores new nodes, and counts the references to them and to others. Returns false, and stores nothing, when a node that
 * is referred to is neither there nor among the new ones. A new one that nothing refers to, because a write came second,
 * say, is not stored: nothing would ever remove it.
 */
export const refer = fragment(
  /* lua */ `
local function refer(thread, references, fresh)
  local contents, names, added = {}, {}, {}
  local function count(name, more)
    if not added[name] then
      added[name] = 0
      names[#names + 1] = name
    end
    added[name] = added[name] + more
  end
  for i = 1, #fresh, 2 do
    contents[fresh[i]] = fresh[i + 1]
    count(fresh[i], 0)
  end
  for _, reference in ipairs(references) do
    for _, name in ipairs(namesOf(reference)) do
      count(name, 1)
    end
  end
  local held = heldCounts(thread, names)
  local stored = {}
  -- From the last on, because what a node holds is in front of it.
  for i = #fresh - 1, 1, -2 do
    if added[fresh[i]] > 0 and not held[fresh[i]] then
      stored[#stored + 1] = fresh[i]
      stored[#stored + 1] = fresh[i + 1]
      for _, name in ipairs(namesIn(fresh[i + 1])) do
        count(name, 1)
      end
    end
  end
  -- What the new nodes hold, as far as it was not asked for yet.
  held = heldCounts(thread, names, held)
  local counted = {}
  for _, name in ipairs(names) do
    if added[name] > 0 then
      if not held[name] and not contents[name] then
        return false
      end
      counted[#counted + 1] = name
      counted[#counted + 1] = whole((held[name] or 0) + added[name])
    end
  end
  for from = 1, #stored, 4000 do
    redis.call("HSET", thread.nodes, unpack(stored, from, math.min(from + 3999, #stored)))
  end
  for from = 1, #counted, 4000 do
    redis.call("HSET", thread.counts, unpack(counted, from, math.min(from + 3999, #counted)))
  end
  return true
end`,
  namesOf,
  namesIn,
  heldCounts,
  whole,
);

/** Puts a place behind all others. */
export const arrive = fragment(/* lua */ `
local function arrive(thread, place)
  redis.call("ZADD", thread.arrivals, redis.call("HINCRBY", thread.checkpoints, "arrived", 1), place)
end`);

/**
 * Returns whether a checkpoint was pruned not long ago. A put that is sent again by then must not bring it back, as the
 * latest of all.
 */
export const wasPruned = fragment(/* lua */ `
local function wasPruned(thread, place)
  local packed = redis.call("HGET", thread.checkpoints, "pruned")
  for _, other in ipairs(packed and cmsgpack.unpack(packed) or {}) do
    if other == place then
      return true
    end
  end
  return false
end`);

/** Keeps the places of those that were pruned last in mind. */
const notePruned = fragment(/* lua */ `
local PRUNED = 32
local function notePruned(thread, places)
  local packed = redis.call("HGET", thread.checkpoints, "pruned")
  for _, place in ipairs(packed and cmsgpack.unpack(packed) or {}) do
    places[#places + 1] = place
  end
  for i = #places, PRUNED + 1, -1 do
    places[i] = nil
  end
  redis.call("HSET", thread.checkpoints, "pruned", cmsgpack.pack(places))
end`);

/** Removes a checkpoint and what was written to it. */
const removeCheckpoint = fragment(
  /* lua */ `
local function removeCheckpoint(thread, place, checkpoint)
  for _, task in ipairs(tasksOf(thread, place)) do
    local writes = writesOf(thread, place, task) or {}
    for i = 4, #writes, 3 do
      release(thread, writes[i])
    end
    redis.call("HDEL", thread.checkpoints, "w" .. place .. "\\n" .. task)
  end
  if checkpoint then
    for i = 3, #checkpoint.references, 3 do
      release(thread, checkpoint.references[i])
    end
    if checkpoint.needsParent and redis.call("HINCRBY", thread.checkpoints, "n" .. checkpoint.parent, -1) <= 0 then
      redis.call("HDEL", thread.checkpoints, "n" .. checkpoint.parent)
    end
    local latest = "l" .. string.match(place, "^[^\\n]*")
    if redis.call("HGET", thread.checkpoints, latest) == place then
      redis.call("HDEL", thread.checkpoints, latest)
    end
  end
  redis.call("HDEL", thread.checkpoints, "c" .. place, "t" .. place)
  redis.call("ZREM", thread.arrivals, place)
end`,
  tasksOf,
  writesOf,
  release,
);

/**
 * Returns whether a checkpoint has to stay: others cannot be read without it; it is the latest of a graph that goes on from
 * there; or it has not arrived yet, and only what was written to it has.
 */
const isNeeded = fragment(
  /* lua */ `
-- What comes first waits for so many arrivals: a step may run hundreds of graphs at once.
local EARLY = 1000
local function isEarly(thread, place)
  local arrived = redis.call("HGET", thread.checkpoints, "arrived")
  return tonumber(redis.call("ZSCORE", thread.arrivals, place)) > arrived - EARLY
end

local function isNeeded(thread, place, checkpoint)
  if not checkpoint then
    return isEarly(thread, place)
  elseif redis.call("HEXISTS", thread.checkpoints, "n" .. place) == 1 then
    return true
  end
  local namespace = string.match(place, "^[^\\n]*")
  if redis.call("HGET", thread.checkpoints, "l" .. namespace) ~= place then
    return false
  end
  -- A node that runs a second graph has it in "<node>:<task>|1".
  local graph, counters
  graph = namespace
  repeat
    graph, counters = string.gsub(graph, "|%d+$", "")
  until counters == 0
  -- The last part of a namespace with a task, "<node>:<task>", belongs to one run of a node: it goes on as long as the
  -- checkpoint is there in which that node runs. That one arrives later when runs are stored as they end.
  local enclosing = checkpoint.enclosing
  return not string.find(graph, ":[^|]*$")
    or redis.call("HEXISTS", thread.checkpoints, "c" .. enclosing) == 1
    or enclosing ~= "" and isEarly(thread, place) and not wasPruned(thread, enclosing)
end`,
  wasPruned,
);

/**
 * Removes up to `most` of the oldest checkpoints beyond `keep`, and returns how many. A checkpoint that others need is
 * older than they are, so it looks from the newest of them on.
 */
export const prune = fragment(
  /* lua */ `
local WINDOW = 40
local function prune(thread, keep, most, window)
  local excess = redis.call("ZCARD", thread.arrivals) - keep
  if excess <= 0 then
    return 0
  end
  local last = excess - 1
  -- Those that have to stay must not hide the others from it for ever.
  if window and excess > WINDOW then
    local arrived = tonumber(redis.call("HGET", thread.checkpoints, "arrived"))
    last = arrived % 2 == 0 and last or WINDOW - 1 + arrived % (excess - WINDOW)
  end
  local first = window and math.max(0, last - WINDOW + 1) or 0
  local removed = {}
  local places = redis.call("ZRANGE", thread.arrivals, first, last)
  for i = #places, 1, -1 do
    if #removed == most then
      break
    end
    local checkpoint = checkpointAt(thread, places[i])
    if not isNeeded(thread, places[i], checkpoint) then
      removeCheckpoint(thread, places[i], checkpoint)
      removed[#removed + 1] = places[i]
    end
  end
  local count = #removed
  if count > 0 then
    notePruned(thread, removed)
  end
  return count
end`,
  checkpointAt,
  isNeeded,
  removeCheckpoint,
  notePruned,
);

/** Gives all keys of a thread the same deadline, `ttl` milliseconds from now, 0 for none. */
export const keepThread = fragment(
  /* lua */ `
local function keepThread(thread, ttl)
  local at = whole(now + ttl)
  for _, key in pairs(thread) do
    if ttl == 0 then
      redis.call("PERSIST", key)
    else
      redis.call("PEXPIREAT", key, at)
    end
  end
end`,
  now,
  whole,
);

/** Does what follows a write on behalf of a session: the conversation lasts as long as its thread, which is listed. */
export const concludeThread = fragment(
  /* lua */ `
local function concludeThread(thread, ttl, held)
  keepThread(thread, ttl)
  if held.record then
    redis.call("HSETNX", held.conversation, "createdAt", whole(now))
    redis.call("HSET", held.conversation, "agentId", redis.call("HGET", held.record, "agentId"))
    redis.call("PEXPIRE", held.conversation, whole(ttl))
    redis.call("PEXPIRE", held.messages, whole(ttl))
    redis.call("ZREMRANGEBYSCORE", held.threads, "-inf", whole(now))
    redis.call("ZADD", held.threads, whole(now + ttl), held.conversationId)
    outlive(held.threads, now + ttl)
    touch(held.record, held.sessions)
  end
end`,
  keepThread,
  now,
  whole,
  outlive,
  touch,
);

/** Lua that makes the table of what `concludeThread` needs of a session. */
export const heldLua =
  "local held = { record = record, sessions = sessions, conversation = conversation, messages = messages, threads = threads, conversationId = conversationId }";

/** Removes a thread, and leaves a mark that keeps runs in flight from writing it back. */
export const removeThread = fragment(
  /* lua */ `
local function removeThread(checkpoints, arrivals, nodes, counts, deleted)
  local removed = redis.call("UNLINK", checkpoints, arrivals, nodes, counts)
  if removed > 0 then
    redis.call("SET", deleted, whole(microseconds), "PX", CLEAR_REMEMBERED)
  end
  return math.min(removed, 1)
end`,
  clearRemembered,
  whole,
  microseconds,
);

import { flag, number, text } from "../../script/arguments.js";
import { fragment } from "../../script/fragment.js";
import { touch } from "./session.js";
import { microseconds, now, outlive, whole } from "./time.js";
import { callInParts, valuesOf } from "./long-lists.js";
import { clearRemembered } from "./messages.js";

// Lua of LangGraph's threads. The table `thread` is a thread: its keys `checkpoints`, `arrivals`, `nodes` and `counts`.
//
// A *place* names a checkpoint: "<namespace>\n<id>", with both parts escaped, so that it contains one line feed. The
// hash `checkpoints` has these fields:
//
//   c<place>          the checkpoint, packed
//   t<place>          the tasks that wrote to it: "<task>\n<task>\n…"
//   w<place>\n<task>  the writes of the task: its path, and then index, channel, reference, index, …, packed
//   n<place>          the number of children that cannot be read without it
//   l<namespace>      the place of the latest checkpoint
//   arrived           the number of checkpoints that have arrived so far
//   pruned            the places of the checkpoints that were pruned last, packed
//
// A value is made of *nodes*, which several values share. A node is named by a hash of its content. A *reference* is
// the name of a node, or a short node itself. The first character of a node tells its kind:
//
//   =<text>                       a text
//   #<type> <Base64>              bytes
//   *<name><name>…                several nodes, joined by commas
//   +<number>:<name><name>…<text> a text with that many line feeds, each of which stands for a node
//
// Scripts read the kind and the names. The rest may be sealed or compressed, and then begins with the byte 255; the
// rest of a sealed node "*" is only that. The name of a sealed node is a keyed hash. A reference that was stored with a
// sealed node contains a node itself, "+1:<name>" and a sealed line feed, so that it is bound to its place.
//
// `counts` holds the number of checkpoints, writes and nodes that refer to a node. At 0, the node is removed.

export const threadKeys = {
  checkpoints: "hash: the thread's checkpoints, and the writes to them",
  arrivals: "sorted set: the places of checkpoints, by the order in which they arrived",
  nodes: "hash: the nodes that values are made of, by name",
  counts: "hash: the number of references to each node",
} as const;

export const deletedKey = {
  deleted: "string: a mark that the thread was deleted; for a day",
} as const;

/** The index that lists a conversation with messages. */
export const indexKey = {
  conversations: "sorted set: the owner's conversations, by last activity",
} as const;

/** The keys of a script that reads on behalf of a session. */
export const askingKeys = {
  record: "hash: the session that asks",
  sessions: "sorted set: the owner's sessions",
  conversation: "hash: the conversation whose thread it is",
} as const;

/** The keys of a script that writes on behalf of a session. */
export const holdingKeys = {
  ...askingKeys,
  messages: "list: the messages of the conversation",
  threads: "sorted set: the owner's threads, by the time until which they exist",
  ...indexKey,
} as const;

export const askingArguments = {
  sessionId: text('the id of the session that asks, "" for none'),
};

export const holdingArguments = {
  ...askingArguments,
  conversationId: text('the id of the conversation, "" for none'),
  ttl: number("the thread's time to live in milliseconds, 0 for none"),
};

export const keepArgument = { keep: number("the number of checkpoints to keep, 0 for all") };

export const onlyLatest = flag("whether the checkpoint must be built on the latest one of its namespace");

/** The Lua that makes the table of a thread. */
export const threadLua =
  "local thread = { checkpoints = checkpoints, arrivals = arrivals, nodes = nodes, counts = counts }";

/** Returns the checkpoint of a place; nil if there is none; false if it cannot be read. */
export const checkpointAt = fragment(/* lua */ `
local function checkpointAt(thread, place)
  local packed = redis.call("HGET", thread.checkpoints, "c" .. place)
  if not packed then
    return nil
  end
  local readable, checkpoint = pcall(cmsgpack.unpack, packed)
  return readable and type(checkpoint) == "table" and checkpoint
end`);

/** Returns whether some keys of a thread are missing and others are not, for example after an eviction. */
export const isDamaged = fragment(/* lua */ `
local function isDamaged(thread)
  return redis.call("HLEN", thread.nodes) ~= redis.call("HLEN", thread.counts)
    or redis.call("EXISTS", thread.checkpoints) ~= redis.call("EXISTS", thread.arrivals)
end`);

/**
 * Returns whether a thread with checkpoints lacks another key. A node that is missing is left to the reader, who knows
 * the channel that it belongs to.
 */
export const lacksKeys = fragment(/* lua */ `
local function lacksKeys(thread)
  return redis.call("EXISTS", thread.arrivals) == 0
    or redis.call("EXISTS", thread.counts) == 0 and redis.call("EXISTS", thread.nodes) == 1
end`);

/** Returns the names that a node contains. */
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
    -- Most nodes are texts, so they share one table.
    return NONE
  end
  local names = {}
  for i = from, to, 22 do
    names[#names + 1] = string.sub(content, i, i + 21)
  end
  return names
end`);

/** Returns the names that a reference leads to: the reference itself, or the names in the node that it contains. */
const namesOf = fragment(
  /* lua */ `
local function namesOf(reference)
  return string.find(reference, "^[=#*+]") and namesIn(reference) or { reference }
end`,
  namesIn,
);

/** Adds to `found` the nodes that references lead to, each once, as names and contents in turn. */
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
    local contents = valuesOf(thread.nodes, names)
    for _, name in ipairs(names) do
      local content = contents[name]
      -- Leave a missing node to the reader, who knows what it belongs to.
      if content then
        found[#found + 1] = name
        found[#found + 1] = content
        for _, inner in ipairs(namesIn(content)) do
          below[#below + 1] = inner
        end
      end
    end
    level = below
  end
end`,
  valuesOf,
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

/**
 * Returns the writes of a task to a checkpoint: its path, and then index, channel, reference, index, …; nil for none.
 */
export const writesOf = fragment(/* lua */ `
local function writesOf(thread, place, task)
  local packed = redis.call("HGET", thread.checkpoints, "w" .. place .. "\\n" .. task)
  return packed and cmsgpack.unpack(packed)
end`);

/** Returns the writes to a checkpoint as one list for each task: task, path, index, channel, reference, index, …. */
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
 * Returns a checkpoint for the reader: place, parent, the checkpoint without its values, its metadata, its references,
 * the writes to it, and the writes to its parent if it keeps its sends there.
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

/** Counts one reference less, and removes nodes without references. */
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

/** Returns the number of references to nodes, by name: `false` for a missing node. */
const heldCounts = fragment(
  /* lua */ `
local function heldCounts(thread, names, known)
  local held, asked = known or {}, {}
  for _, name in ipairs(names) do
    if held[name] == nil then
      asked[#asked + 1] = name
    end
  end
  for name, count in pairs(valuesOf(thread.counts, asked)) do
    held[name] = count
  end
  return held
end`,
  valuesOf,
);

/**
 * Stores new nodes, and counts the references to them and to others. If a referenced node is neither stored nor new,
 * stores nothing and returns false. Does not store a new node without references (for example, of a write that came
 * second), because nothing would ever remove it.
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
  -- Begin with the last node, because a node comes after the nodes that it contains.
  for i = #fresh - 1, 1, -2 do
    if added[fresh[i]] > 0 and not held[fresh[i]] then
      stored[#stored + 1] = fresh[i]
      stored[#stored + 1] = fresh[i + 1]
      for _, name in ipairs(namesIn(fresh[i + 1])) do
        count(name, 1)
      end
    end
  end
  -- Read the counts of the nodes inside the new ones, unless they are known.
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
  callInParts("HSET", thread.nodes, stored)
  callInParts("HSET", thread.counts, counted)
  return true
end`,
  callInParts,
  namesOf,
  namesIn,
  heldCounts,
  whole,
);

/** Puts a place behind all others in the order of arrival. */
export const arrive = fragment(/* lua */ `
local function arrive(thread, place)
  redis.call("ZADD", thread.arrivals, redis.call("HINCRBY", thread.checkpoints, "arrived", 1), place)
end`);

/**
 * Returns whether a checkpoint was pruned recently. If its put is sent again, it must not come back as the latest one.
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

/** Records the places of the checkpoints that were pruned last. */
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

/** Removes a checkpoint and the writes to it. */
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
 * Returns whether a checkpoint has to stay, because others cannot be read without it, because it is the latest of a
 * graph that goes on from it, or because it has not arrived yet and only writes to it have.
 */
const isNeeded = fragment(
  /* lua */ `
-- Writes that come first wait for up to this many arrivals: a step may run hundreds of graphs at once.
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
  -- If a node runs a second graph, that graph's namespace is "<node>:<task>|1".
  local graph, counters
  graph = namespace
  repeat
    graph, counters = string.gsub(graph, "|%d+$", "")
  until counters == 0
  -- A namespace that ends in "<node>:<task>" belongs to one run of a node. It goes on as long as the checkpoint exists
  -- in which that node runs. That checkpoint arrives later if runs are stored as they end.
  local enclosing = checkpoint.enclosing
  return not string.find(graph, ":[^|]*$")
    or redis.call("HEXISTS", thread.checkpoints, "c" .. enclosing) == 1
    or enclosing ~= "" and isEarly(thread, place) and not wasPruned(thread, enclosing)
end`,
  wasPruned,
);

/**
 * Removes up to `most` of the oldest checkpoints beyond `keep`, and returns the number. A needed checkpoint is older
 * than those that need it, so this looks at the newest of them first.
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
  -- Vary the window, so that checkpoints that have to stay do not hide the others for ever.
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

/** Gives all keys of a thread the same deadline, `ttl` milliseconds from now; 0 means none. */
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

/**
 * Concludes a write on behalf of a session: the conversation lives as long as its thread, and both are listed for as long.
 * An erasure finds them through the indexes.
 */
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
    if redis.call("EXISTS", held.messages) == 1 then
      if not redis.call("ZSCORE", held.conversations, held.conversationId) then
        local activeAt = redis.call("HGET", held.conversation, "activeAt") or whole(now)
        redis.call("ZADD", held.conversations, activeAt, held.conversationId)
      end
      outlive(held.conversations, now + ttl)
    end
    touch(held.record, held.sessions)
  end
end`,
  keepThread,
  now,
  whole,
  outlive,
  touch,
);

/** The Lua that makes the table of the session's values for `concludeThread`. */
export const heldLua =
  "local held = { record = record, sessions = sessions, conversation = conversation, messages = messages, threads = threads, conversations = conversations, conversationId = conversationId }";

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

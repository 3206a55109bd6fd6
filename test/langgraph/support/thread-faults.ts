import type { Redis } from "ioredis";

// Counts anew what a thread's checkpoints, writes and nodes refer to, and compares it with what the thread has counted.
const lua = /* lua */ `
local checkpoints, arrivals, nodes, counts = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local faults, expected, needed, tasks, written = {}, {}, {}, {}, {}
local function fault(...)
  faults[#faults + 1] = table.concat({ ... }, " ")
end
local function count(content, isNode)
  local kind, from, to = string.sub(content, 1, 1), 2, 1
  if kind == "*" then
    to = #content
  elseif kind == "+" then
    local number = string.match(content, "^%+(%d+):")
    from = #number + 3
    to = from + number * 22 - 1
  elseif not isNode and kind ~= "=" and kind ~= "#" then
    from, to = 1, 22
  end
  for i = from, to, 22 do
    local name = string.sub(content, i, i + 21)
    expected[name] = (expected[name] or 0) + 1
  end
end
local fields = redis.call("HGETALL", checkpoints)
for i = 1, #fields, 2 do
  local kind, place, value = string.sub(fields[i], 1, 1), string.sub(fields[i], 2), fields[i + 1]
  if fields[i] == "arrived" or fields[i] == "pruned" then
    -- They refer to nothing.
  elseif kind == "c" then
    local checkpoint = cmsgpack.unpack(value)
    for j = 3, #checkpoint.references, 3 do
      count(checkpoint.references[j])
    end
    if checkpoint.needsParent then
      needed[checkpoint.parent] = (needed[checkpoint.parent] or 0) + 1
      if redis.call("HEXISTS", checkpoints, "c" .. checkpoint.parent) == 0 then
        fault("missing parent of", place)
      end
    end
    if not redis.call("ZSCORE", arrivals, place) then
      fault("never arrived:", place)
    end
  elseif kind == "w" then
    local writes = cmsgpack.unpack(value)
    for j = 4, #writes, 3 do
      count(writes[j])
    end
    written[place] = true
  elseif kind == "t" then
    for task in string.gmatch(value, "([^\\n]*)\\n") do
      tasks[place .. "\\n" .. task] = true
    end
    if not redis.call("ZSCORE", arrivals, place) then
      fault("writes never arrived:", place)
    end
  elseif kind == "l" and redis.call("HEXISTS", checkpoints, "c" .. value) == 0 then
    fault("missing latest:", value)
  end
end
for i = 1, #fields, 2 do
  local place = string.sub(fields[i], 2)
  if string.sub(fields[i], 1, 1) == "n" and needed[place] ~= tonumber(fields[i + 1]) then
    fault("needed", fields[i + 1], "times, not", tostring(needed[place]) .. ":", place)
  end
end
for place, number in pairs(needed) do
  if redis.call("HGET", checkpoints, "n" .. place) ~= tostring(number) then
    fault("needed", number, "times, and it is not noted:", place)
  end
end
for name in pairs(tasks) do
  if not written[name] then
    fault("a task without writes:", name)
  end
end
for name in pairs(written) do
  if not tasks[name] then
    fault("writes without a task:", name)
  end
end
for _, place in ipairs(redis.call("ZRANGE", arrivals, 0, -1)) do
  if redis.call("HEXISTS", checkpoints, "c" .. place) == 0 and redis.call("HEXISTS", checkpoints, "t" .. place) == 0 then
    fault("nothing at", place)
  end
end
local stored = redis.call("HGETALL", nodes)
for i = 2, #stored, 2 do
  count(stored[i], true)
end
for i = 1, #stored, 2 do
  local counted = redis.call("HGET", counts, stored[i])
  if tostring(expected[stored[i]] or 0) ~= counted or counted == "0" then
    fault("counted", tostring(counted), "not", tostring(expected[stored[i]]) .. ":", stored[i], stored[i + 1])
  end
end
for name in pairs(expected) do
  if redis.call("HEXISTS", nodes, name) == 0 then
    fault("missing node", name)
  end
end
return faults
`;

/** Returns what is wrong with the counts of a thread: nothing. `base` is what its keys begin with. */
export async function threadFaults(client: Redis, base: string): Promise<unknown> {
  const keys = ["checkpoints", "arrivals", "nodes", "counts"].map((name) => `${base}:${name}`);
  return client.eval(lua, keys.length, ...keys);
}

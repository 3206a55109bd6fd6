import { list, storedList } from "../../replies.js";
import { defineScript } from "../../script/define.js";
import { recordOf, state, unlist } from "../fragments/session.js";

export const listScript = defineScript({
  name: "session.list",
  about: "returns the live sessions of one owner, oldest first, and removes stale entries of the index.",
  flags: "allow-oom",
  keys: { index: "sorted set: the owner's sessions, by start" },
  arguments: {},
  answers: { listed: (records: unknown) => ({ records: list(records).map(storedList) }) },
  uses: [state, unlist, recordOf],
  lua: /* lua */ `
local records, stale = {}, {}
for _, id in ipairs(redis.call("ZRANGE", index, 0, -1)) do
  local record = recordOf(index, id)
  if state(record, index, id) == "live" then
    records[#records + 1] = redis.call("HGETALL", record)
  else
    stale[#stale + 1] = id
  end
end
for _, id in ipairs(stale) do
  unlist(recordOf(index, id), index, id)
end
return { "listed", records }
`,
});

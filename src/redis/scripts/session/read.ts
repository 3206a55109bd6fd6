import { list, storedList } from "../../replies.js";
import { texts } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { recordOf, state } from "../fragments/session.js";

export const readSessionsScript = defineScript({
  name: "session.read",
  about: "returns the live ones among some sessions of one owner.",
  flags: "no-writes",
  keys: { index: "sorted set: the owner's sessions, by start" },
  arguments: { ids: texts("the ids of the sessions") },
  answers: { read: (records: unknown) => ({ records: list(records).map(storedList) }) },
  uses: [state, recordOf],
  lua: /* lua */ `
local records = {}
for _, id in ipairs(ids) do
  local record = recordOf(index, id)
  if state(record, index, id) == "live" then
    records[#records + 1] = redis.call("HGETALL", record)
  end
end
return { "read", records }
`,
});

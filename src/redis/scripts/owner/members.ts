import { textList } from "../../replies.js";
import { defineScript } from "../../script/define.js";

// The script returns all members at once, so that a member whose score changes meanwhile is neither missed nor found
// twice. An index holds only ids.
export const membersScript = defineScript({
  name: "owner.members",
  about: "returns the members of one of an owner's indexes, the lowest score first.",
  flags: "no-writes",
  keys: { index: "sorted set: the index" },
  arguments: {},
  answers: { listed: (members: unknown) => ({ members: textList(members) }) },
  uses: [],
  lua: /* lua */ `
return { "listed", redis.call("ZRANGE", index, 0, -1) }
`,
});

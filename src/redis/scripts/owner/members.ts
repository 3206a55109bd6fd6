import { textList } from "../../replies.js";
import { defineScript } from "../../script/define.js";

// All at once, so that nothing that moves within the index meanwhile is missed or met twice. An index has ids only.
export const membersScript = defineScript({
  name: "owner.members",
  about: "returns what one of an owner's indexes lists, the lowest score first.",
  flags: "no-writes",
  keys: { index: "sorted set: the index" },
  arguments: {},
  answers: { listed: (members: unknown) => ({ members: textList(members) }) },
  uses: [],
  lua: /* lua */ `
return { "listed", redis.call("ZRANGE", index, 0, -1) }
`,
});

import { text } from "../replies.js";
import { defineScript } from "../script/define.js";

export const echoKeyScript = defineScript({
  name: "echo-key",
  about: "returns a key as the client spells it: a client with a prefix of its own puts that in front.",
  flags: "no-writes",
  keys: { key: "any" },
  arguments: {},
  answers: { spelled: (key: unknown) => ({ key: text(key) }) },
  uses: [],
  lua: /* lua */ `return { "spelled", key }`,
});

import { text } from "../replies.js";
import { defineScript } from "../script/define.js";

export const echoKeyScript = defineScript({
  name: "echo-key",
  about: "returns a key as the server received it, with any prefix that the client adds to keys.",
  flags: "no-writes",
  keys: { key: "any" },
  arguments: {},
  answers: { spelled: (key: unknown) => ({ key: text(key) }) },
  uses: [],
  lua: /* lua */ `return { "spelled", key }`,
});

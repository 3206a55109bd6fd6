import { text } from "../replies.js";
import { defineScript, type Script } from "../script.js";

const lua = /* lua */ `#!lua flags=no-writes
--[[
Tells how the client spells a key: one with a prefix of its own puts that in front.

KEYS[1]  key

returns  the same
--]]
return KEYS[1]
`;

export const echoKeyScript: Script<string, string> = defineScript({
  lua,
  keys: (key) => [key],
  arguments: () => [],
  reply: text,
});

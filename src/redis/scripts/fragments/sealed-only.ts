import { fragment } from "../../script/fragment.js";

/**
 * Returns whether a writer of plain messages has to be refused. That is so if all messages of the list are sealed (the
 * field `sealed` of its record), because readers then refuse plain ones.
 */
export const refusesPlain = fragment(/* lua */ `
local function refusesPlain(mark, messages, seal)
  return mark and #messages > 0 and (seal == "" or string.find(seal, "^%S+ keep ") ~= nil)
end`);

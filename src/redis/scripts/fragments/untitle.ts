import { fragment } from "../../script/fragment.js";

/**
 * Removes the title of a conversation that no index lists any more. An erasure finds conversations through the indexes, so
 * a record outside of them must hold nothing that people wrote. The rest of the record expires.
 */
export const untitle = fragment(/* lua */ `
local function untitle(conversations, threads, conversation, id)
  if not redis.call("ZSCORE", conversations, id) and not redis.call("ZSCORE", threads, id) then
    redis.call("HDEL", conversation, "title")
  end
end`);

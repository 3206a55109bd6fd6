import { count, list, outcome, textOrNothing } from "../../replies.js";
import { defineScript, type Script } from "../../script.js";
import { sessionLua, timeLua } from "../fragments.js";

const lua = /* lua */ `#!lua flags=no-writes
--[[
Is a session live, and may its agent see a conversation? Renews nothing.

KEYS[1]  record
KEYS[2]  index
KEYS[3]  conversation
ARGV[1]  id of the session

returns  { "live", milliseconds left, 1 when the conversation is another agent's, its generation or nothing }
         | { "unknown" | "ended" | "evicted" | "expired" | "rotated" }
--]]
${timeLua}${sessionLua}
local record, index, conversation = KEYS[1], KEYS[2], KEYS[3]

local found = state(record, index, ARGV[1])
if found ~= "live" then
  return { found }
end
local held = redis.call("HMGET", conversation, "generation", "agentId")
local another = held[2] and held[2] ~= redis.call("HGET", record, "agentId")
return { found, redis.call("PTTL", record) - GRACE, another and 1 or 0, held[1] }
`;

const refusals = ["unknown", "ended", "evicted", "expired", "rotated"] as const;

export interface CheckSession {
  readonly keys: Readonly<Record<"record" | "index" | "conversation", string>>;
  readonly sessionId: string;
}

export type CheckedSession =
  | { readonly outcome: (typeof refusals)[number] }
  | {
      readonly outcome: "live";
      readonly millisecondsLeft: number;
      readonly isAnothers: boolean;
      readonly generation: string | undefined;
    };

export const checkScript: Script<CheckSession, CheckedSession> = defineScript({
  lua,
  keys: ({ keys: { record, index, conversation } }) => [record, index, conversation],
  arguments: ({ sessionId }) => [sessionId],
  reply: (reply) => {
    const [first, left, another, generation] = list(reply);
    const found = outcome(first, ["live", ...refusals]);
    if (found !== "live") return { outcome: found };
    return {
      outcome: found,
      millisecondsLeft: count(left),
      isAnothers: count(another) === 1,
      generation: textOrNothing(generation),
    };
  },
});

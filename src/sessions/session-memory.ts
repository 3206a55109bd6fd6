import type { MemoryPlace } from "../agent-memory/place.js";
import type { OwnerKeys } from "../redis/keys.js";
import type { SessionRef, SessionSettings } from "./options.js";

/**
 * Returns the place of a user's memory for one agent. It is in the user's slot, and the same for all sessions. Its scripts
 * check first that this session is live and belongs to this agent.
 */
export function sessionPlace(
  { client, deadlineMilliseconds, wait, memory }: SessionSettings,
  keys: OwnerKeys,
  { id, agentId }: SessionRef,
): MemoryPlace {
  const { member, ...own } = keys.memory(agentId);
  return {
    connection: { client, deadlineMilliseconds, wait },
    space: {
      ...memory,
      keys: own,
      holder: {
        record: keys.session(id),
        index: keys.sessions,
        memories: keys.memories,
        member,
        sessionId: id,
        agentId,
      },
    },
  };
}

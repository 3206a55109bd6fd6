import type { MemoryPlace } from "../agent-memory/place.js";
import type { OwnerKeys } from "../redis/keys.js";
import { connectionOfOwner } from "./owner-keys.js";
import type { SessionRef, SessionSettings } from "./options.js";

/**
 * Returns the place of a user's memory for one agent. It is in the user's slot, and the same for all sessions. Its scripts
 * first check that this session is live and belongs to this agent.
 */
export function sessionPlace(settings: SessionSettings, keys: OwnerKeys, { id, agentId }: SessionRef): MemoryPlace {
  const { member, ...own } = keys.memory(agentId);
  return {
    // Values are small, and scripts change them in place, so they are not compressed.
    connection: connectionOfOwner({ ...settings, compress: false }, keys, { agentId }),
    space: {
      ...settings.memory,
      name: agentId,
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

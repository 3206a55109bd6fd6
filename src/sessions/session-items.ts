import type { ItemOptions } from "../items/options.js";
import { parseItems } from "../items/options.js";
import type { ItemPlace } from "../items/place.js";
import type { OwnerKeys } from "../redis/keys.js";
import { connectionOfOwner } from "./owner-keys.js";
import type { SessionRef, SessionSettings } from "./options.js";

/**
 * Returns the place of a user's items. It is in the user's slot, and the same for all sessions and agents. Its scripts first
 * check that this session is live.
 *
 * @throws InvalidOptionError if an option is unknown or invalid.
 */
export function sessionItems(
  settings: SessionSettings,
  keys: OwnerKeys,
  { id }: SessionRef,
  options: ItemOptions,
): ItemPlace {
  return {
    connection: connectionOfOwner(settings, keys),
    settings: parseItems(options),
    keysOf: (partition) => keys.itemPartition(partition),
    listed: {
      by: "owner",
      holder: { record: keys.session(id), sessions: keys.sessions, partitions: keys.items, sessionId: id },
    },
  };
}

import { type Owner, type SessionStoreOptions } from "../sessions/options.js";
import { SessionStore } from "../sessions/store.js";
import type { Duration } from "../options/duration.js";
import type { Call } from "./command.js";

/** Returns whom the first operand names, with `--org`. */
export function ownerOf({ operands: [userId = ""], options: { org } }: Call): Owner {
  return org === undefined ? { userId } : { userId, orgId: org };
}

/** Returns an owner in words. Without its organisation a user is another one, so it is always said. */
export function named({ userId, orgId }: Owner): string {
  return orgId === undefined ? `${userId} (no organisation)` : `${userId} (organisation ${orgId})`;
}

/** Returns the store that the service has, as far as the command line knows its options. */
export function storeOf(call: Call, more: Pick<SessionStoreOptions, "onCorrupt"> = {}): SessionStore {
  const { redis, keyRing, options } = call;
  return new SessionStore({
    client: redis.client,
    keyPrefix: options.prefix,
    encryption: keyRing,
    maxTokenLifetime: options["max-token-lifetime"] as Duration | undefined,
    ...more,
  });
}

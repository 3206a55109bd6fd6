import { type Owner, type SessionStoreOptions } from "../sessions/options.js";
import { SessionStore } from "../sessions/store.js";
import type { Duration } from "../options/duration.js";
import type { Call } from "./command.js";

/** Returns the owner that the first operand and `--org` name. */
export function ownerOf({ operands: [userId = ""], options: { org } }: Call): Owner {
  return org === undefined ? { userId } : { userId, orgId: org };
}

/** Returns an owner in words. Always names the organisation, because the same user id without it is another user. */
export function named({ userId, orgId }: Owner): string {
  return orgId === undefined ? `${userId} (no organisation)` : `${userId} (organisation ${orgId})`;
}

/** Returns a store like the service's, as far as the command line knows the service's options. */
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

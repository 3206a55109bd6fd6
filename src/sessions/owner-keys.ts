import { type OwnerKeys, ownerKeys, ownerTag } from "../redis/keys.js";
import { type Owner, parseOwner, type SessionSettings } from "./options.js";

/** Returns the keys of all that an owner has. @throws InvalidOptionError when `owner` has the wrong form. */
export function keysOf({ keyPrefix }: Pick<SessionSettings, "keyPrefix">, owner: Owner): OwnerKeys {
  const { userId, orgId } = parseOwner(owner);
  return ownerKeys(keyPrefix, ownerTag(userId, orgId));
}

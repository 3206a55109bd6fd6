import { connectionOf, type StoredForm } from "../encryption/vault.js";
import type { Subject } from "../diagnostics/operations.js";
import { type OwnerKeys, ownerKeys, ownerTag } from "../redis/keys.js";
import type { Connection } from "../redis/send.js";
import { type Owner, parseOwner, type SessionSettings } from "./options.js";

/**
 * Returns the connection for what an owner has. A data key that is kept elsewhere stays until the owner is erased: what it
 * seals may last for ever.
 *
 * @param subject what observers are told besides, such as a session.
 */
export function connectionOfOwner(
  settings: Connection & StoredForm,
  { tag, dataKey }: OwnerKeys,
  { conversationId, agentId }: Pick<Subject, "conversationId" | "agentId"> = {},
): Connection {
  return connectionOf(settings, { owner: `user:${tag}`, dataKey, ttlMilliseconds: 0, conversationId, agentId });
}

/** Returns the keys of all that an owner has. @throws InvalidOptionError when `owner` has the wrong form. */
export function keysOf({ keyPrefix }: Pick<SessionSettings, "keyPrefix">, owner: Owner): OwnerKeys {
  const { userId, orgId } = parseOwner(owner);
  return ownerKeys(keyPrefix, ownerTag(userId, orgId));
}

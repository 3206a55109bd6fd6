import { connectionOf, type StoredForm } from "../encryption/vault.js";
import type { Subject } from "../diagnostics/operations.js";
import { type OwnerKeys, ownerKeys, ownerTag } from "../redis/keys.js";
import type { Connection } from "../redis/send.js";
import { type Owner, parseOwner, type SessionSettings } from "./options.js";

/**
 * Returns the connection for the data of an owner. The data key does not expire: if it is kept elsewhere, it stays until the
 * owner is erased, because the data that it seals may last for ever.
 *
 * @param subject the conversation and agent that are reported to observers.
 */
export function connectionOfOwner(
  settings: Connection & StoredForm,
  { tag, dataKey }: OwnerKeys,
  { conversationId, agentId }: Pick<Subject, "conversationId" | "agentId"> = {},
): Connection {
  return connectionOf(settings, { owner: `user:${tag}`, dataKey, ttlMilliseconds: 0, conversationId, agentId });
}

/**
 * Returns the keys of everything that an owner has.
 *
 * @throws InvalidOptionError if `owner` is invalid.
 */
export function keysOf({ keyPrefix }: Pick<SessionSettings, "keyPrefix">, owner: Owner): OwnerKeys {
  const { userId, orgId } = parseOwner(owner);
  return ownerKeys(keyPrefix, ownerTag(userId, orgId));
}

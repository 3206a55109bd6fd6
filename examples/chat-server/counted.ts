import { hash } from "node:crypto";
import type { Identity } from "langchain-redis-sessions/http";

// Whom a limit counts, as the name of a key. A digest, so that no key of Redis holds the id of a user or an address: not
// while it is there, and not after the user was erased.

/** A user within an organisation: the same id in another organisation is another user. */
export function countedUser({ userId, orgId }: Pick<Identity, "userId" | "orgId">): string {
  return `user-${digestOf(JSON.stringify([orgId ?? null, userId]))}`;
}

/**
 * Who has an address. Of IPv6 it is the network of 64 bits: that is what one customer gets at least, and can send from
 * each of its addresses.
 *
 * @param address as the guard spells it; `undefined` counts all those together whose address is not known.
 */
export function countedAddress(address: string | undefined): string {
  return `address-${address === undefined ? "unknown" : digestOf(networkOf(address))}`;
}

function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  // "::" stands for as many zeros as are missing.
  if (tail !== undefined) {
    const after = tail === "" ? 0 : tail.split(":").length + (tail.includes(".") ? 1 : 0);
    groups.push(...Array<string>(Math.max(0, 8 - groups.length - after)).fill("0"), ...tail.split(":"));
  }
  return `${groups.slice(0, 4).join(":")}::/64`;
}

function digestOf(text: string): string {
  return hash("sha256", text, "base64url").slice(0, 22);
}

import { hash, randomBytes } from "node:crypto";

// The ids that are made here: 16 random characters (96 bits), and a checksum of 6 that tells a session's id from a
// conversation's and both from an id of the caller's own. An id is public and opens nothing; the checksum only lets a
// mistake be told, one with the other's id, before it becomes an empty conversation.

export type MadeId = "session" | "conversation";

/** Random enough that nobody meets another's, and safe to log: it opens nothing. */
export function newId(kind: MadeId): string {
  const random = randomBytes(12).toString("base64url");
  return random + checksum(kind, random);
}

/** Which of the two an id was made for; `undefined` for an id that was not made here. */
export function kindOfId(id: string): MadeId | undefined {
  if (id.length !== 22) return undefined;
  const [random, sum] = [id.slice(0, 16), id.slice(16)];
  return (["session", "conversation"] as const).find((kind) => sum === checksum(kind, random));
}

function checksum(kind: MadeId, random: string): string {
  return hash("sha256", `${kind} ${random}`, "base64url").slice(0, 6);
}

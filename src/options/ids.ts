import { hash, randomBytes, randomUUID } from "node:crypto";

// An id that this library makes has 16 random characters (96 bits) and a checksum of 6. The checksum tells the id of a
// session from the id of a conversation, and both from an id of the caller's own. An id is public and grants no access.
// The checksum only serves to report a mix-up, which would otherwise look like an empty conversation.

export type MadeId = "session" | "conversation";

/** The number of random bytes of an id: 96 bits. */
export const ID_BYTES = 12;

/** Returns a new id, random enough to be unique. It is safe to log, because it grants no access. */
export function newId(kind: MadeId, bytes: Buffer = randomBytes(ID_BYTES)): string {
  const random = bytes.toString("base64url");
  return random + checksum(kind, random);
}

/** Returns the name of a run: 11 characters, unique within a conversation. */
export function newName(): string {
  // From the random bytes that Node keeps for UUIDs: randomBytes() takes 15 µs.
  return Buffer.from(randomUUID().slice(-17).replace("-", ""), "hex").toString("base64url");
}

/** Returns the id that belongs to a text: the same id each time. It is as hard to guess as the text. */
export function idFrom(kind: MadeId, text: string): string {
  const random = hash("sha256", text, "base64url").slice(0, 16);
  return random + checksum(kind, random);
}

/** Returns the kind of an id, or `undefined` for an id that this library did not make. */
export function kindOfId(id: string): MadeId | undefined {
  if (id.length !== 22) return undefined;
  const [random, sum] = [id.slice(0, 16), id.slice(16)];
  return (["session", "conversation"] as const).find((kind) => sum === checksum(kind, random));
}

function checksum(kind: MadeId, random: string): string {
  return hash("sha256", `${kind} ${random}`, "base64url").slice(0, 6);
}

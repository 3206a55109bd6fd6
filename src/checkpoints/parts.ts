import { Unreadable } from "../codec/unreadable.js";
import { type Opened } from "../encryption/opening.js";
import { open } from "../encryption/vault.js";
import type { Value } from "../redis/port.js";
import { headLength } from "../redis/scripts/thread/parts.js";
import { type Belonging, SEALED, type Sealer, type Stored } from "../redis/sealing.js";
import type { Connection } from "../redis/send.js";
import { joined } from "../options/digest.js";

// Scripts read the head of a part, so it stays plain text. It is authenticated with the sealed body behind it.

/** A stored part, and the place that it has to be sealed for. */
export interface Part {
  readonly stored: Stored;
  readonly about: Belonging;
}

/** The opened parts of one call, by their stored form. */
export type OpenedParts = ReadonlyMap<Stored, Opened>;

export function sealed(sealer: Sealer | undefined, content: string, { kind, within }: Belonging): Value {
  if (sealer === undefined) return content;
  const length = headLength(content);
  const head = content.slice(0, length);
  const body = sealer.seal(content.slice(length), { kind, within: joined(head, within) });
  return typeof body === "string" ? content : Buffer.concat([Buffer.from(head), body]);
}

/**
 * Seals a reference. If it names a node, it first becomes a text that consists of this node, so that it cannot be moved
 * to another place. Without a key, the reference stays as it is, because it is too short to be compressed.
 */
export function sealedReference(sealer: Sealer | undefined, reference: string, about: Belonging): Value {
  if (sealer === undefined || sealer.isPlain) return reference;
  return sealed(sealer, headLength(reference) === 0 ? `+1:${reference}\n` : reference, about);
}

/** Returns whether a stored part is sealed, so that only an owner of the key can have made it. */
export function isSealed(stored: Stored): boolean {
  return typeof stored !== "string" && ((stored[stored.indexOf(SEALED) + 1] ?? 0) & 1) === 1;
}

/**
 * Opens parts. Takes a round trip if it needs a key that this process does not know.
 *
 * @throws EncryptionKeyError when the key ring cannot unwrap the key.
 */
export async function openParts(
  connection: Connection,
  parts: readonly Part[],
  maxBytes: number,
): Promise<OpenedParts> {
  const heads = parts.map(({ stored }) =>
    typeof stored === "string" ? "" : stored.toString("utf8", 0, stored.indexOf(SEALED)),
  );
  const bodies = parts.map(({ stored }) =>
    typeof stored === "string" ? stored : stored.subarray(stored.indexOf(SEALED)),
  );
  const opened = await open(connection, bodies, (index) => {
    const { kind = "", within = "" } = parts[index]?.about ?? {};
    return { kind, within: joined(heads[index] ?? "", within), maxBytes };
  });
  return new Map(
    parts.map(({ stored }, index) => {
      const body = opened[index];
      const isRead = body !== undefined && !(body instanceof Unreadable);
      return [stored, isRead ? (heads[index] ?? "") + body : (body ?? new Unreadable("it is missing"))];
    }),
  );
}

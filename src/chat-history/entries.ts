import { type Expected, open, type Opened } from "../encryption/vault.js";
import type { Value } from "../redis/port.js";
import type { Sealer, Stored } from "../redis/sealing.js";
import type { Connection } from "../redis/send.js";
import type { LogPart, StoredPart } from "./message-log.js";

// An entry of a list is a message, followed by what the script adds at the append: the time, and the mark of the latest
// clear while Redis remembers one. Only a history on its own has such marks. This part is not sealed:
// `,"at":<milliseconds>}` or `,"at":<milliseconds>,"cleared":<mark>}`.
const TIME = ',"at":';
const STAMP = /^,"at":\d+(?:,"cleared":(\d+))?\}$/;

/** The beginning of an unsealed user's message. See redis/scripts/fragments/positions.ts. */
const QUESTION = '{"type":"human"';

/** Seals encoded messages for a lineage, if there is a sealer. */
export function sealEntries(sealer: Sealer | undefined, encoded: readonly string[], lineage: string): readonly Value[] {
  if (sealer === undefined) return encoded;
  return encoded.map((entry) =>
    sealer.seal(entry, { kind: "message", within: lineage, isQuestion: entry.startsWith(QUESTION) }),
  );
}

/** Splits an entry into the part that is sealed, and what the script added at its append, which is `""` if it has none. */
export function stampedOf(entry: Stored): { readonly body: Stored; readonly time: string } {
  const bytes = Buffer.from(entry);
  const end = bytes.lastIndexOf(TIME);
  const time = end === -1 ? "" : bytes.toString("latin1", end);
  return STAMP.test(time) ? { body: bytes.subarray(0, end), time } : { body: entry, time: "" };
}

/**
 * Returns the mark of the latest clear that an entry carries, `""` if none was remembered. Returns `undefined` for an
 * entry that is sealed, or was not written by this library.
 */
export function clearedMarkOf(entry: Stored): string | undefined {
  if (typeof entry !== "string") return undefined;
  const start = entry.lastIndexOf(TIME);
  const stamp = start === -1 ? null : STAMP.exec(entry.slice(start));
  return stamp === null ? undefined : (stamp[1] ?? "");
}

/** Opens the entries of a lineage: each becomes its text, or the reason why it cannot be read. */
export function openEntries(
  connection: Connection,
  entries: readonly Stored[],
  about: Omit<Expected, "kind">,
): readonly Opened[] | Promise<readonly Opened[]> {
  if (connection.vault === undefined && entries.every((entry) => typeof entry === "string")) return entries;
  return openBytes(connection, entries, about);
}

async function openBytes(
  connection: Connection,
  entries: readonly Stored[],
  about: Omit<Expected, "kind">,
): Promise<readonly Opened[]> {
  const parts = entries.map((entry) => {
    if (typeof entry === "string") return { body: entry, time: "" };
    const end = entry.lastIndexOf(TIME);
    return end === -1 ? { body: entry, time: "" } : { body: entry.subarray(0, end), time: entry.toString("utf8", end) };
  });
  const bodies = parts.map(({ body }) => body);
  const opened = await open(connection, bodies, { ...about, kind: "message" });
  return opened.map((one, index) => (typeof one === "string" ? one + (parts[index]?.time ?? "") : one));
}

/** Opens the entries that a read of a log found. */
export function openPart(
  connection: Connection,
  part: StoredPart,
  limits: { readonly maxMessageBytes: number },
): LogPart | Promise<LogPart> {
  // If nothing is sealed or compressed, return the same object, without a copy.
  return connection.vault === undefined && isText(part) ? part : openBytesOf(connection, part, limits);
}

function isText(part: StoredPart): part is StoredPart & LogPart {
  return part.entries.every((entry) => typeof entry === "string") && !Buffer.isBuffer(part.replaced);
}

async function openBytesOf(
  connection: Connection,
  { lineage = "", isSealed, ...part }: StoredPart,
  { maxMessageBytes }: { readonly maxMessageBytes: number },
): Promise<LogPart> {
  const { entries, replaced } = part;
  const all = replaced === undefined ? entries : [...entries, replaced];
  const opened = await openEntries(connection, all, { within: lineage, maxBytes: maxMessageBytes, isSealed });
  return replaced === undefined
    ? { ...part, entries: opened, replaced }
    : { ...part, entries: opened.slice(0, -1), replaced: opened.at(-1) };
}

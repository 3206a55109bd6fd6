import { type Expected, open } from "../encryption/vault.js";
import { CorruptMessageError } from "../errors.js";
import type { ConversationEntry } from "../redis/scripts/conversation/list.js";
import type { Sealer, Stored } from "../redis/sealing.js";
import type { Connection } from "../redis/send.js";
import { metadataName, toConversation, toSession } from "./record.js";
import type { Conversation, Session } from "./session.js";

// The content in a record may be sealed: titles, metadata, addresses, user agents.

/** The most bytes of an opened field. No field that this library writes is larger. */
const MAX_BYTES = 1_048_576;
/** The fields of a session that are sealed, apart from its metadata, with their kinds. */
const CONTENT: ReadonlyMap<string, string> = new Map([
  ["ipAddress", "address"],
  ["userAgent", "user agent"],
]);

/** The field with the digest of a sealed address. Scripts compare addresses by it, because they cannot open them. */
const ADDRESS_DIGEST = "ipAddressDigest";

/** Seals a title for a conversation's lineage, if there is a sealer that seals. */
export function sealTitle(sealer: Sealer | undefined, title: string, lineage: string): Stored {
  return sealer === undefined || sealer.isPlain ? title : sealer.seal(title, { kind: "title", within: lineage });
}

/** Seals the content among the fields of a session (name, value, name, value …), if there is a sealer that seals. */
export function sealFields(
  sealer: Sealer | undefined,
  sessionId: string,
  fields: readonly string[],
): readonly Stored[] {
  // Fields are not compressed without encryption: scripts could not compare a compressed address.
  if (sealer === undefined || sealer.isPlain) return fields;
  const sealed: Stored[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [name = "", value = ""] = [fields[index], fields[index + 1]];
    const kind = kindOf(name);
    sealed.push(name, kind === undefined ? value : sealer.seal(value, { kind, within: within(sessionId, name) }));
    if (name === "ipAddress") sealed.push(ADDRESS_DIGEST, sealer.name("address", value));
  }
  return sealed;
}

/** Returns true for a field of a session that may be sealed. */
export function isContent(name: string): boolean {
  return kindOf(name) !== undefined;
}

function kindOf(name: string): string | undefined {
  return metadataName(name) === undefined ? CONTENT.get(name) : "metadata";
}

function within(sessionId: string, name: string): string {
  return `${sessionId} ${name}`;
}

/**
 * Returns the session of a record.
 *
 * @throws what `toSession` throws.
 * @throws CorruptMessageError for a field that cannot be opened.
 */
export async function openSession(connection: Connection, record: readonly Stored[]): Promise<Session> {
  const id = String(record[record.indexOf("id") + 1]);
  return toSession(
    await openFields(connection, record, (name) => {
      const kind = kindOf(name);
      return kind === undefined ? undefined : { kind, within: within(id, name), maxBytes: MAX_BYTES };
    }),
  );
}

/** Returns the lineage of a conversation, or `""` if its record has none. */
export function lineageOf(fields: readonly Stored[]): string {
  return fieldOf(fields, "lineage") ?? "";
}

/** Returns true if all messages of a conversation are sealed, so that plain ones are refused. */
export function isMarkedSealed(fields: readonly Stored[]): boolean {
  return fieldOf(fields, "sealed") !== undefined;
}

/** Returns the value of a field. Does not use `indexOf`, because a title may be equal to the name of a field. */
function fieldOf(fields: readonly Stored[], name: string): string | undefined {
  const at = fields.findIndex((one, index) => index % 2 === 0 && one === name);
  return at === -1 ? undefined : String(fields[at + 1]);
}

/** Returns a conversation with its title opened. */
export async function openConversation(
  connection: Connection,
  { id, length, fields }: ConversationEntry,
  onCorrupt: "throw" | "skip",
): Promise<Conversation> {
  const lineage = lineageOf(fields);
  const opened = await openFields(
    connection,
    fields,
    (name) => (name === "title" ? { kind: "title", within: lineage, maxBytes: MAX_BYTES } : undefined),
    onCorrupt,
  );
  return toConversation({ id, length, fields: opened });
}

/**
 * Opens the fields of a record. With `"skip"`, fields that cannot be read are left out.
 *
 * @param aboutOf returns the kind and place of a field that may be sealed, and `undefined` for any other field.
 */
async function openFields(
  connection: Connection,
  fields: readonly Stored[],
  aboutOf: (name: string) => Expected | undefined,
  onCorrupt: "throw" | "skip" = "throw",
): Promise<readonly string[]> {
  // Sessions are verified often, so fields that are all plain are returned without a copy.
  if (connection.vault === undefined && areTexts(fields)) return fields;
  const places: { readonly at: number; readonly name: string; readonly about: Expected }[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = String(fields[index]);
    const about = aboutOf(name);
    if (about !== undefined) places.push({ at: index + 1, name, about });
  }
  const opened = await open(
    connection,
    places.map(({ at }) => fields[at] ?? ""),
    (index) => places[index]?.about as Expected,
  );
  const texts = [...fields];
  const skipped = new Set<number>();
  for (const [index, { at, name }] of places.entries()) {
    const text = opened[index];
    if (typeof text === "string") texts[at] = text;
    else if (onCorrupt === "throw") throw new CorruptMessageError(`A ${name} cannot be read: ${text?.reason}.`);
    else skipped.add(at);
  }
  return texts.filter((_, index) => !skipped.has(index) && !skipped.has(index + 1)).map(String);
}

function areTexts(fields: readonly Stored[]): fields is readonly string[] {
  return fields.every((one) => typeof one === "string");
}

import { isPlainJson } from "../codec/json.js";
import { CorruptMessageError, InvalidOptionError, SessionNotFoundError } from "../errors.js";
import type { ConversationEntry } from "../redis/scripts/conversation/list.js";
import type { SessionInit } from "./options.js";
import type { Conversation, Session } from "./session.js";

// A session is a hash with one field for each attribute, so that concurrent requests cannot undo each other. Each value of
// the metadata is a field of its own: JSON under this prefix.
const METADATA = "metadata:";
const MAX_METADATA_BYTES = 65_536;
/** The most arguments of one script: two for each name that is set, one for each name that is removed. */
const MAX_METADATA_ARGUMENTS = 2_000;

/** Returns the metadata name of a field, or `undefined` for a field that is not metadata. */
export function metadataName(field: string): string | undefined {
  return field.startsWith(METADATA) ? field.slice(METADATA.length) : undefined;
}

/** Returns the fields of a new session as name, value, name, value …. `metadata` are the fields of its metadata. */
export function initFields(
  id: string,
  conversationId: string,
  { userId, orgId, agentId, ipAddress, userAgent }: Omit<SessionInit, "authenticatedAt" | "metadata">,
  metadata: readonly string[],
): string[] {
  const fields = ["id", id, "userId", userId, "agentId", agentId, "conversationId", conversationId];
  if (orgId !== undefined) fields.push("orgId", orgId);
  if (ipAddress !== undefined) fields.push("ipAddress", ipAddress);
  if (userAgent !== undefined) fields.push("userAgent", userAgent);
  return [...fields, ...metadata];
}

/**
 * Returns the fields to set as name, value, name, value …, and the names to remove: those whose value is `null`.
 *
 * @throws InvalidOptionError if a name or value cannot be stored, or there are too many.
 */
export function metadataFields(metadata: Readonly<Record<string, unknown>>): { fields: string[]; removed: string[] } {
  const fields: string[] = [];
  const removed: string[] = [];
  for (const [name, value] of Object.entries(metadata)) {
    if (!name.isWellFormed()) throw new InvalidOptionError("metadata", "use well-formed names.");
    if (value === undefined) continue;
    if (value === null) {
      removed.push(METADATA + name);
    } else {
      if (!isPlainJson({ value })) {
        throw new InvalidOptionError(
          `metadata.${name}`,
          "use a value that JSON can represent: no dates, functions or cycles.",
        );
      }
      fields.push(METADATA + name, JSON.stringify(value));
    }
  }
  const bytes = Buffer.byteLength(fields.join("")) + Buffer.byteLength(removed.join(""));
  if (bytes > MAX_METADATA_BYTES || fields.length + removed.length > MAX_METADATA_ARGUMENTS) {
    throw new InvalidOptionError("metadata", "use at most 64 KiB and 1000 names; store larger values in agent memory.");
  }
  return { fields, removed };
}

/** Returns the session that was just created from its fields. Redis adds the others to the record. */
export function startedSession(
  fields: readonly string[],
  startedAt: number,
  {
    idleMilliseconds,
    lifetimeMilliseconds,
  }: { readonly idleMilliseconds: number; readonly lifetimeMilliseconds: number },
): Session {
  const started = String(startedAt);
  const until = String(startedAt + lifetimeMilliseconds);
  const times = ["startedAt", started, "activeAt", started, "idle", String(idleMilliseconds), "until", until];
  return toSession([...fields, ...times]);
}

/**
 * Returns the session of a record.
 *
 * @throws SessionNotFoundError if the record lacks a field, because an incomplete record is no longer a session.
 * @throws CorruptMessageError if this library did not write its metadata.
 */
export function toSession(record: readonly string[]): Session {
  const fields = fieldMap(record);
  const required = (name: string): string => {
    const value = fields.get(name);
    if (value === undefined) throw new SessionNotFoundError();
    return value;
  };
  const activeAt = Number(required("activeAt"));
  const orgId = fields.get("orgId");
  const ipAddress = fields.get("ipAddress");
  const userAgent = fields.get("userAgent");
  return {
    id: required("id"),
    conversationId: required("conversationId"),
    userId: required("userId"),
    ...(orgId === undefined ? {} : { orgId }),
    agentId: required("agentId"),
    startedAt: new Date(Number(required("startedAt"))),
    lastActivityAt: new Date(activeAt),
    expiresAt: new Date(Math.min(activeAt + Number(required("idle")), Number(required("until")))),
    messageCount: Number(fields.get("messageCount") ?? 0),
    toolCallCount: Number(fields.get("toolCallCount") ?? 0),
    ...(ipAddress === undefined ? {} : { ipAddress }),
    ...(userAgent === undefined ? {} : { userAgent }),
    isActive: !fields.has("ended"),
    metadata: metadataOf(fields),
  };
}

function metadataOf(fields: ReadonlyMap<string, string>): Record<string, unknown> {
  const entries: [name: string, value: unknown][] = [];
  for (const [field, value] of fields) {
    const name = metadataName(field);
    if (name !== undefined) entries.push([name, parseValue(value)]);
  }
  return Object.fromEntries(entries);
}

function parseValue(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    // Drop the error of JSON.parse, because its message quotes the value.
    throw new CorruptMessageError("The metadata of a session is not what this library wrote.");
  }
}

export function toConversation({
  id,
  length,
  fields,
}: Omit<ConversationEntry, "fields"> & { readonly fields: readonly string[] }): Conversation {
  const found = fieldMap(fields);
  const title = found.get("title");
  const forkedFrom = found.get("forkedFrom");
  return {
    id,
    agentId: found.get("agentId") ?? "",
    ...(title === undefined ? {} : { title }),
    createdAt: new Date(Number(found.get("createdAt"))),
    lastActivityAt: new Date(Number(found.get("activeAt"))),
    ...(forkedFrom === undefined ? {} : { forkedFrom }),
    messageCount: length,
  };
}

function fieldMap(flat: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (let index = 0; index + 1 < flat.length; index += 2) fields.set(flat[index] ?? "", flat[index + 1] ?? "");
  return fields;
}

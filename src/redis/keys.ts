import { hash } from "node:crypto";
import { erasedIndex, ownedThings } from "./owned.js";

// The only place that spells a key. What one history owns shares one hash tag, `{<id>}`, and so one Cluster slot.
//
// An id comes from outside and may be anything: `a}:messages`, `*`, "\0", a name in any script. Percent-encoding
// (RFC 3986, unreserved characters stay readable) maps different ids to different keys, and leaves no brace that
// could move the hash tag, no colon that could imitate a key's next part, no glob that a SCAN or an ACL would match.

/** What lets the turns of one conversation run one after another. */
export interface LeaseKeys {
  /** A string, there while a turn holds the conversation: the turn's token. */
  readonly lease: string;
  /** A string, there until the turn that held the conversation last gives it back, for a day at most: its token. */
  readonly holder: string;
  /** A sorted set, there while turns wait: "<ticket>:<token>", scored by the time until which they are taken for alive. */
  readonly waiting: string;
}

export interface HistoryKeys extends LeaseKeys {
  /** A list: one message per element, oldest first. */
  readonly messages: string;
  /** A hash, there only after a `clear()`: when it ran. */
  readonly meta: string;
  /** A string, there for a while after a write: what was written under this operation id. */
  readonly operation: (operationId: string) => string;
}

export function historyKeys(prefix: string, sessionId: string): HistoryKeys {
  const base = `${prefix}:history:{${encode(sessionId)}}`;
  return {
    messages: `${base}:messages`,
    meta: `${base}:meta`,
    lease: `${base}:lease`,
    holder: `${base}:holder`,
    waiting: `${base}:waiting`,
    operation: (operationId) => `${base}:operation:${encode(operationId)}`,
  };
}

/** What one namespace of agent memory owns. */
export interface MemoryKeys {
  /** A hash: one field a key. */
  readonly values: string;
  /** A sorted set: the keys that have a deadline, scored by it in milliseconds. */
  readonly deadlines: string;
  /** A hash: stored bytes, latest version. */
  readonly usage: string;
  /** A hash: a day, how many writes there were on it, and the secret that pads the numbers which operations replied. */
  readonly writes: string;
  /** A string, there for a while after a write: what was written under this operation id. */
  readonly operation: (operationId: string) => string;
}

export function memoryKeys(prefix: string, namespace: string): MemoryKeys {
  return memoryKeysBelow(`${prefix}:memory:{${encode(namespace)}}`);
}

function memoryKeysBelow(base: string): MemoryKeys {
  return {
    values: `${base}:values`,
    deadlines: `${base}:deadlines`,
    usage: `${base}:usage`,
    writes: `${base}:writes`,
    operation: (operationId) => `${base}:operation:${encode(operationId)}`,
  };
}

/** All that one user owns: one hash tag, one Cluster slot. Its scripts find records through the indexes. */
export interface OwnerKeys {
  /** What the owner's keys begin with, without the colon that follows. */
  readonly base: string;
  /** A sorted set: session id, scored by its start in microseconds. A session that is not in it is none. */
  readonly sessions: string;
  /** A sorted set: conversation id, scored by its last activity in milliseconds. */
  readonly conversations: string;
  /** A sorted set: namespace of agent memory, as its keys spell it, scored by the time until which it is there. */
  readonly memories: string;
  /** A string, there for a while after all sessions were ended: since when a sign-in has to be newer. */
  readonly notBefore: string;
  /** A sorted set: the conversations that an erasure has still to remove. */
  readonly erasedConversations: string;
  /** A hash: one field an attribute. */
  readonly session: (sessionId: string) => string;
  /** A hash: agent, times, title, generation. */
  readonly conversation: (conversationId: string) => string;
  /** A list: one message per element, oldest first. */
  readonly messages: (conversationId: string) => string;
  readonly turns: (conversationId: string) => LeaseKeys;
  /** What the user's agent remembers, and its member in `memories`. */
  readonly memory: (agentId: string) => MemoryKeys & { readonly member: string };
  /** A string, there for a while after a write: what was written under this operation id. */
  readonly operation: (operationId: string) => string;
}

export function ownerKeys(prefix: string, tag: string): OwnerKeys {
  const base = `${prefix}:user:{${tag}}`;
  return {
    base,
    sessions: `${base}:sessions`,
    conversations: `${base}:conversations`,
    memories: `${base}:memories`,
    notBefore: `${base}:not-before`,
    erasedConversations: `${base}:${erasedIndex({ name: "conversations" })}`,
    session: (sessionId) => `${base}:session:${encode(sessionId)}`,
    conversation: (conversationId) => `${base}:conversation:${encode(conversationId)}`,
    messages: (conversationId) => `${base}:messages:${encode(conversationId)}`,
    turns: (conversationId) => ({
      lease: `${base}:lease:${encode(conversationId)}`,
      holder: `${base}:holder:${encode(conversationId)}`,
      waiting: `${base}:waiting:${encode(conversationId)}`,
    }),
    memory: (agentId) => {
      const member = encode(agentId);
      return { ...memoryKeysBelow(`${base}:memory:${member}`), member };
    },
    operation: (operationId) => `${base}:operation:${encode(operationId)}`,
  };
}

/**
 * Names an owner: 96 bits of SHA-256, in 16 characters. The lengths are hashed along, so that ("a", "b:c") and
 * ("a:b", "c") do not meet, nor a missing organisation and an empty one.
 */
export function ownerTag(userId: string, orgId: string | undefined): string {
  const organisation = orgId === undefined ? "-" : `${Buffer.byteLength(orgId)}:${orgId}`;
  return hash("sha256", `${organisation}|${Buffer.byteLength(userId)}:${userId}`, "base64url").slice(0, 16);
}

/** Matches the indexes of every owner: whatever there is of an owner is in one. */
export function ownerIndexPattern(prefix: string): string {
  // A prefix may hold what a glob would take for one of its own.
  return `${prefix.replaceAll(/[*?[\]\\^-]/g, String.raw`\$&`)}:user:{*}:*s`;
}

const indexes = ownedThings.flatMap((thing) => [thing.name, erasedIndex(thing)]).join("|");
const indexKey = new RegExp(String.raw`:user:\{([\w-]{16})\}:(?:${indexes})$`);

/** Returns the owner's tag in a key that `ownerIndexPattern` found; `undefined` where the key is no index. */
export function tagOfIndex(key: string): string | undefined {
  return indexKey.exec(key)?.[1];
}

/** The Pub/Sub channel on which the ends of sessions are told: "<session id> <reason>". */
export function endingsChannel(prefix: string): string {
  return `${prefix}:session-endings`;
}

function encode(id: string): string {
  if (/^[\w.~-]*$/.test(id)) return id; // Nothing to encode: as most ids are.
  // encodeURIComponent leaves these five, which RFC 3986 reserves; `*` is a glob.
  return encodeURIComponent(id).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

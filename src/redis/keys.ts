import { hash } from "node:crypto";
import { erasedIndex, ownedThings } from "./owned.js";

// This is the only place that spells a key. The keys of one history share a hash tag, `{<id>}`, and so a Cluster slot.
//
// An id comes from outside and may be anything: `a}:messages`, `*`, "\0", a name in any script. Percent-encoding
// (RFC 3986; unreserved characters stay readable) maps different ids to different keys. It leaves no brace that could
// move the hash tag, no colon that could imitate the next part of a key, and no glob that a SCAN or an ACL would match.

/** The keys by which the turns of one conversation run one after another. */
export interface LeaseKeys {
  /** A string: the token of the turn that holds the conversation. It exists while a turn does. */
  readonly lease: string;
  /** A string: the token of the turn that held the conversation last, until it gives it back, for a day at most. */
  readonly holder: string;
  /** A sorted set of the turns that wait: "<ticket>:<token>", by the time until which each counts as alive. */
  readonly waiting: string;
}

/** What has a data key of its own. */
export interface WithDataKey {
  /** A string: the data key with which everything below it is sealed, or where that is. It exists when something is. */
  readonly dataKey: string;
}

export interface HistoryKeys extends LeaseKeys, WithDataKey {
  /** A list: one message per element, oldest first. */
  readonly messages: string;
  /** A hash: when `clear()` ran. It exists only after one. */
  readonly meta: string;
  /** A string: what was written under this operation id. It exists for a while after the write. */
  readonly operation: (operationId: string) => string;
}

export function historyKeys(prefix: string, sessionId: string): HistoryKeys {
  const base = `${prefix}:history:{${encode(sessionId)}}`;
  return {
    messages: `${base}:messages`,
    meta: `${base}:meta`,
    dataKey: dataKeyBelow(base),
    lease: `${base}:lease`,
    holder: `${base}:holder`,
    waiting: `${base}:waiting`,
    operation: operationKeyBelow(base),
  };
}

/** The keys of one namespace of agent memory. */
export interface MemoryKeys {
  /** A hash with one field for each key of the namespace. */
  readonly values: string;
  /** A sorted set: the keys that have a deadline, by that deadline in milliseconds. */
  readonly deadlines: string;
  /** A hash: stored bytes, latest version. */
  readonly usage: string;
  /** A hash: a day, the number of its writes, and the secret that pads the numbers that operations replied. */
  readonly writes: string;
  /** A string: what was written under this operation id. It exists for a while after the write. */
  readonly operation: (operationId: string) => string;
}

export function memoryKeys(prefix: string, namespace: string): MemoryKeys & WithDataKey {
  const base = `${prefix}:memory:{${encode(namespace)}}`;
  return { ...memoryKeysBelow(base), dataKey: dataKeyBelow(base) };
}

function memoryKeysBelow(base: string): MemoryKeys {
  return {
    values: `${base}:values`,
    deadlines: `${base}:deadlines`,
    usage: `${base}:usage`,
    writes: `${base}:writes`,
    operation: operationKeyBelow(base),
  };
}

/** The keys of one partition of LangGraph items: those whose namespaces begin with the same labels. */
export interface ItemKeys {
  /** A hash with one field for each item. */
  readonly items: string;
  /** A sorted set: the items, by their last update in microseconds. No two have the same. */
  readonly order: string;
  /** A hash: namespaces, with the number of their items. */
  readonly namespaces: string;
  /** A sorted set: the items that have a deadline, by that deadline in milliseconds. */
  readonly deadlines: string;
  /** A string: says that the operation of this id was done. It exists for a while after the write. */
  readonly operation: (operationId: string) => string;
}

/** The keys that say which partitions there are, of a store that belongs to no session. They share a slot of their own. */
export interface PartitionsKeys {
  /** A sorted set: the partitions, each with the score 0, and so by their names. */
  readonly names: string;
  /** A hash: since when a partition is listed, in milliseconds. */
  readonly since: string;
}

/** Returns the name of a partition: labels that are encoded, with commas between. */
export function partitionName(labels: readonly string[]): string {
  return labels.map(encode).join(",");
}

/** @param partition the name of the partition. */
export function itemKeys(prefix: string, partition: string): ItemKeys & WithDataKey {
  const base = `${prefix}:items:{${partition}}`;
  return { ...itemKeysBelow(base), dataKey: dataKeyBelow(base) };
}

export function partitionsKeys(prefix: string): PartitionsKeys {
  const base = `${prefix}:item-partitions:{all}`;
  return { names: `${base}:names`, since: `${base}:since` };
}

function itemKeysBelow(base: string): ItemKeys {
  return {
    items: `${base}:items`,
    order: `${base}:order`,
    namespaces: `${base}:namespaces`,
    deadlines: `${base}:deadlines`,
    operation: operationKeyBelow(base),
  };
}

/** The keys of one thread of LangGraph. All but the mark have the same deadline. */
export interface ThreadKeys {
  /** A hash: the checkpoints, and what was written to them. */
  readonly checkpoints: string;
  /** A sorted set: places of checkpoints, by the order in which they arrived. */
  readonly arrivals: string;
  /** A hash: what values are made of, by a hash of it. */
  readonly nodes: string;
  /** A hash: how often each node is referred to. */
  readonly counts: string;
  /** A string: when the thread was deleted. It exists for a day after that. */
  readonly deleted: string;
}

export function threadKeys(prefix: string, threadId: string): ThreadKeys & WithDataKey {
  const base = `${prefix}:thread:{${encode(threadId)}}`;
  return { ...threadKeysBelow(base), dataKey: dataKeyBelow(base) };
}

function threadKeysBelow(base: string): ThreadKeys {
  return {
    checkpoints: `${base}:checkpoints`,
    arrivals: `${base}:arrivals`,
    nodes: `${base}:nodes`,
    counts: `${base}:counts`,
    deleted: `${base}:deleted`,
  };
}

/** Matches a key of each thread that is bound to no session. */
export function threadPattern(prefix: string): string {
  return `${literal(prefix)}:thread:{*}:arrivals`;
}

/** Returns the `thread_id` of a key that `threadPattern` found. */
export function threadIdOf(key: string): string {
  return decodeURIComponent(/\{([^{}]*)\}:arrivals$/.exec(key)?.[1] ?? "");
}

/** The keys of the answers of one conversation. */
export interface AnswerKeys {
  /** A hash: the latest answer, whose it is and how it ended. */
  readonly answer: string;
  /** A list: its events, oldest first, behind an empty one. */
  readonly events: string;
  /** A string: which turn is to stop, and why. */
  readonly stop: string;
  /** A string: which turn follows it, and which turns gave way to that one. */
  readonly successor: string;
}

/** The keys of one owner, with one hash tag and so in one Cluster slot. Scripts find records through the indexes. */
export interface OwnerKeys extends WithDataKey {
  /** The owner's name: see `ownerTag`. */
  readonly tag: string;
  /** What the owner's keys begin with, without the colon that follows. */
  readonly base: string;
  /** A sorted set: ids of sessions, by their start in microseconds. A session that is not in it does not exist. */
  readonly sessions: string;
  /** A sorted set: ids of conversations, by their last activity in milliseconds. */
  readonly conversations: string;
  /** A sorted set: namespaces of agent memory, as their keys spell them, by the time until which they exist. */
  readonly memories: string;
  /** A sorted set: ids of conversations that have a thread, by the time until which it exists. */
  readonly threads: string;
  /** A sorted set: partitions of LangGraph items, by the time until which they exist. */
  readonly items: string;
  /** A string: the time that a sign-in has to be newer than. It exists for a while after all sessions were ended. */
  readonly notBefore: string;
  /** A sorted set: the conversations that an erasure has still to remove. */
  readonly erasedConversations: string;
  /** A sorted set: the threads that an erasure has still to remove. */
  readonly erasedThreads: string;
  /** A hash with one field for each attribute of the session. */
  readonly session: (sessionId: string) => string;
  /** A hash: agent, times, title and generation of the conversation. */
  readonly conversation: (conversationId: string) => string;
  /** A list: one message per element, oldest first. */
  readonly messages: (conversationId: string) => string;
  readonly turns: (conversationId: string) => LeaseKeys;
  readonly answer: (conversationId: string) => AnswerKeys;
  readonly thread: (conversationId: string) => ThreadKeys;
  /** The keys of what the agent remembers of the user, and its member in `memories`. */
  readonly memory: (agentId: string) => MemoryKeys & { readonly member: string };
  /** The keys of a partition of LangGraph items, by its name, which is its member in `items`. */
  readonly itemPartition: (partition: string) => ItemKeys;
  /** A string: what was written under this operation id. It exists for a while after the write. */
  readonly operation: (operationId: string) => string;
}

export function ownerKeys(prefix: string, tag: string): OwnerKeys {
  const base = `${prefix}:user:{${tag}}`;
  return {
    tag,
    base,
    sessions: `${base}:sessions`,
    conversations: `${base}:conversations`,
    memories: `${base}:memories`,
    threads: `${base}:threads`,
    items: `${base}:items`,
    notBefore: `${base}:not-before`,
    dataKey: dataKeyBelow(base),
    erasedConversations: `${base}:${erasedIndex({ name: "conversations" })}`,
    erasedThreads: `${base}:${erasedIndex({ name: "threads" })}`,
    session: (sessionId) => `${base}:session:${encode(sessionId)}`,
    conversation: (conversationId) => `${base}:conversation:${encode(conversationId)}`,
    messages: (conversationId) => `${base}:messages:${encode(conversationId)}`,
    turns: (conversationId) => ({
      lease: `${base}:lease:${encode(conversationId)}`,
      holder: `${base}:holder:${encode(conversationId)}`,
      waiting: `${base}:waiting:${encode(conversationId)}`,
    }),
    answer: (conversationId) => ({
      answer: answerChannel(base, conversationId),
      events: `${base}:events:${encode(conversationId)}`,
      stop: `${base}:stop:${encode(conversationId)}`,
      successor: `${base}:successor:${encode(conversationId)}`,
    }),
    thread: (conversationId) => threadKeysBelow(`${base}:thread:${encode(conversationId)}`),
    memory: (agentId) => {
      const member = encode(agentId);
      return { ...memoryKeysBelow(`${base}:memory:${member}`), member };
    },
    // What an operation leaves behind an erasure has no label of a namespace in its name.
    itemPartition: (partition) => ({
      ...itemKeysBelow(`${base}:items:${partition}`),
      operation: operationKeyBelow(base),
    }),
    operation: operationKeyBelow(base),
  };
}

/**
 * Returns the name of an owner: 96 bits of SHA-256, in 16 characters. The lengths are hashed too, so that ("a", "b:c") and
 * ("a:b", "c") have different names, and so have a missing organisation and an empty one.
 */
export function ownerTag(userId: string, orgId: string | undefined): string {
  const organisation = orgId === undefined ? "-" : `${Buffer.byteLength(orgId)}:${orgId}`;
  return hash("sha256", `${organisation}|${Buffer.byteLength(userId)}:${userId}`, "base64url").slice(0, 16);
}

/** Matches the indexes of every owner: whatever there is of an owner is in one. */
export function ownerIndexPattern(prefix: string): string {
  return `${literal(prefix)}:user:{*}:*s`;
}

/** Escapes what a glob would take for one of its own characters. */
export function literal(prefix: string): string {
  return prefix.replaceAll(/[*?[\]\\^-]/g, String.raw`\$&`);
}

const indexes = ownedThings.flatMap((thing) => [thing.name, erasedIndex(thing)]).join("|");
const indexKey = new RegExp(String.raw`:user:\{([\w-]{16})\}:(?:${indexes})$`);

/** Returns the owner's tag in a key that `ownerIndexPattern` found; `undefined` where the key is no index. */
export function tagOfIndex(key: string): string | undefined {
  return indexKey.exec(key)?.[1];
}

/** What the Pub/Sub channels of the answers of an owner begin with; behind it comes the id of a conversation. */
export function answerChannels(base: string): string {
  return `${base}:answer:`;
}

/** Returns the Pub/Sub channel of a conversation's answers. It tells that something happened, and nothing of what. */
export function answerChannel(base: string, conversationId: string): string {
  return answerChannels(base) + encode(conversationId);
}

/** Returns the Pub/Sub channel of the ends of sessions: "<session id> <reason>". */
export function endingsChannel(prefix: string): string {
  return `${prefix}:session-endings`;
}

/** Returns the key of an owner's wrapped data key, where these are kept in a Redis of their own. */
export function wrappedKeyOf(prefix: string, owner: string): string {
  return `${prefix}:data-key:{${encode(owner)}}`;
}

function dataKeyBelow(base: string): string {
  return `${base}:data-key`;
}

function operationKeyBelow(base: string): (operationId: string) => string {
  return (operationId) => `${base}:operation:${encode(operationId)}`;
}

/** Returns the id of an agent from its member in the index of the memories. */
export function agentOfMember(member: string): string {
  return decodeURIComponent(member);
}

function encode(id: string): string {
  if (/^[\w.~-]*$/.test(id)) return id; // Nothing to encode: as most ids are.
  // encodeURIComponent leaves these five, which RFC 3986 reserves; `*` is a glob.
  return encodeURIComponent(id).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

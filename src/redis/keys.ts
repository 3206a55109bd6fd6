import { hash } from "node:crypto";
import { erasedIndex, ownedThings } from "./owned.js";
import { EVENTS_CHANNEL } from "./scripts/fragments/answer.js";

// Only this file spells keys. The keys of one history share a hash tag, `{<id>}`, and so a Cluster slot.
//
// Ids come from callers and may hold any character: `a}:messages`, `*`, "\0", a name in any script. Percent-encoding
// (RFC 3986; unreserved characters stay readable) maps different ids to different keys. It leaves no brace that could
// move the hash tag, no colon that could imitate the next part of a key, and no glob that a SCAN or an ACL would match.

/** The keys that make the turns of one conversation run one after another. */
export interface LeaseKeys {
  /** A string: the token of the turn that holds the conversation. Exists while a turn runs. */
  readonly lease: string;
  /**
   * A string: the token of the turn that held the conversation last, until that turn releases it, for at most a day.
   */
  readonly holder: string;
  /** A sorted set: the waiting turns, "<ticket>:<token>", by the time until which each counts as alive. */
  readonly waiting: string;
}

/** The keys of a holder of a data key. */
export interface WithDataKey {
  /**
   * A string: the data key that seals everything of the holder, or a note that it is kept elsewhere. Exists once
   * something is sealed.
   */
  readonly dataKey: string;
}

export interface HistoryKeys extends LeaseKeys, WithDataKey {
  /** A list: one message per element, oldest first. */
  readonly messages: string;
  /** A hash: the time of the last `clear()`. Exists only after one. */
  readonly meta: string;
  /** A string: the record of the write with this operation id. Exists for a while after the write. */
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
  /** A hash: the number of stored bytes, and the latest version. */
  readonly usage: string;
  /** A hash: a day, the number of writes on that day, and the secret that pads the numbers in replies of operations. */
  readonly writes: string;
  /** A string: the record of the write with this operation id. Exists for a while after the write. */
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

/** The keys of one partition of LangGraph items, whose namespaces begin with the same labels. */
export interface ItemKeys {
  /** A hash with one field for each item. */
  readonly items: string;
  /** A sorted set: the items, by their last update in microseconds. Each has a different one. */
  readonly order: string;
  /** A hash: the number of items of each namespace. */
  readonly namespaces: string;
  /** A sorted set: the items that have a deadline, by that deadline in milliseconds. */
  readonly deadlines: string;
  /** A string: a note that the operation with this id was done. Exists for a while after the write. */
  readonly operation: (operationId: string) => string;
}

/** The keys that list the partitions of a store that belongs to no session. They share a slot of their own. */
export interface PartitionsKeys {
  /** A sorted set: the partitions, all with the score 0, and so ordered by name. */
  readonly names: string;
  /** A hash: the time at which each partition was listed, in milliseconds. */
  readonly since: string;
}

/** Returns the name of a partition: the encoded labels, joined by commas. */
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

/** The keys of one thread of LangGraph. All except the mark `deleted` have the same deadline. */
export interface ThreadKeys {
  /** A hash: the checkpoints, and the writes to them. */
  readonly checkpoints: string;
  /** A sorted set: the places of checkpoints, by the order in which they arrived. */
  readonly arrivals: string;
  /** A hash: the nodes that values are made of, by their names. */
  readonly nodes: string;
  /** A hash: the number of references to each node. */
  readonly counts: string;
  /** A string: the time at which the thread was deleted. Exists for a day after that. */
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

/** Returns a pattern for one key of each thread that belongs to no session. */
export function threadPattern(prefix: string): string {
  return `${literal(prefix)}:thread:{*}:arrivals`;
}

/** Returns the `thread_id` of a key that `threadPattern` found. */
export function threadIdOf(key: string): string {
  return decodeURIComponent(/\{([^{}]*)\}:arrivals$/.exec(key)?.[1] ?? "");
}

/** The keys of the answers of one conversation. */
export interface AnswerKeys {
  /** A hash: the latest answer, its owner, and how it ended. */
  readonly answer: string;
  /** A list: an empty element, and then the answer's events, oldest first. */
  readonly events: string;
  /** A string: the turn that has to stop, and the reason. */
  readonly stop: string;
  /** A string: the turn that follows it, and the turns that gave way to that one. */
  readonly successor: string;
}

/**
 * The keys of one owner, with one hash tag and so in one Cluster slot. Scripts find records through the indexes. Each key is
 * made when it is asked for, because a call needs few of them.
 */
export class OwnerKeys implements WithDataKey {
  /** The owner's name: see `ownerTag`. */
  readonly tag: string;
  /** The beginning of the owner's keys, without the colon that follows. */
  readonly base: string;

  constructor(prefix: string, tag: string) {
    this.tag = tag;
    this.base = `${prefix}:user:{${tag}}`;
  }

  /** A sorted set: ids of sessions, by their start in microseconds. A session that is not in it does not exist. */
  get sessions(): string {
    return `${this.base}:sessions`;
  }

  /** A sorted set: ids of conversations, by their last activity in milliseconds. */
  get conversations(): string {
    return `${this.base}:conversations`;
  }

  /** A sorted set: namespaces of agent memory, as their keys spell them, by the time until which they exist. */
  get memories(): string {
    return `${this.base}:memories`;
  }

  /** A sorted set: ids of conversations that have a thread, by the time until which it exists. */
  get threads(): string {
    return `${this.base}:threads`;
  }

  /** A sorted set: partitions of LangGraph items, by the time until which they exist. */
  get items(): string {
    return `${this.base}:items`;
  }

  /** A string: the time after which a sign-in is accepted. Exists for a while after all sessions were ended. */
  get notBefore(): string {
    return `${this.base}:not-before`;
  }

  get dataKey(): string {
    return dataKeyBelow(this.base);
  }

  /** A sorted set: the conversations that an erasure still has to remove. */
  get erasedConversations(): string {
    return `${this.base}:${erasedIndex({ name: "conversations" })}`;
  }

  /** A sorted set: the threads that an erasure still has to remove. */
  get erasedThreads(): string {
    return `${this.base}:${erasedIndex({ name: "threads" })}`;
  }

  /** A hash with one field for each attribute of the session. */
  session(sessionId: string): string {
    return `${this.base}:session:${encode(sessionId)}`;
  }

  /** A hash: agent, times, title and generation of the conversation. */
  conversation(conversationId: string): string {
    return `${this.base}:conversation:${encode(conversationId)}`;
  }

  /** A list: one message per element, oldest first. */
  messages(conversationId: string): string {
    return `${this.base}:messages:${encode(conversationId)}`;
  }

  turns(conversationId: string): LeaseKeys {
    const id = encode(conversationId);
    return {
      lease: `${this.base}:lease:${id}`,
      holder: `${this.base}:holder:${id}`,
      waiting: `${this.base}:waiting:${id}`,
    };
  }

  answer(conversationId: string): AnswerKeys {
    const id = encode(conversationId);
    return {
      answer: answerChannel(this.base, conversationId),
      events: `${this.base}:events:${id}`,
      stop: `${this.base}:stop:${id}`,
      successor: `${this.base}:successor:${id}`,
    };
  }

  thread(conversationId: string): ThreadKeys {
    return threadKeysBelow(`${this.base}:thread:${encode(conversationId)}`);
  }

  /** The keys of the agent's memory of the user, and its member in `memories`. */
  memory(agentId: string): MemoryKeys & { readonly member: string } {
    const member = encode(agentId);
    return { ...memoryKeysBelow(`${this.base}:memory:${member}`), member };
  }

  /** The keys of a partition of LangGraph items. The partition's name is its member in `items`. */
  itemPartition(partition: string): ItemKeys {
    // The record of an operation survives an erasure, so its key must not contain the labels of a namespace.
    return { ...itemKeysBelow(`${this.base}:items:${partition}`), operation: operationKeyBelow(this.base) };
  }

  /** A string: the record of the write with this operation id. Exists for a while after the write. */
  get operation(): (operationId: string) => string {
    return operationKeyBelow(this.base);
  }
}

export function ownerKeys(prefix: string, tag: string): OwnerKeys {
  return new OwnerKeys(prefix, tag);
}

/**
 * Returns the name of an owner: 96 bits of SHA-256, in 16 characters. The lengths are hashed too, so that ("a", "b:c")
 * and ("a:b", "c") have different names. A missing organisation and an empty one differ too.
 */
export function ownerTag(userId: string, orgId: string | undefined): string {
  const organisation = orgId === undefined ? "-" : `${Buffer.byteLength(orgId)}:${orgId}`;
  return hash("sha256", `${organisation}|${Buffer.byteLength(userId)}:${userId}`, "base64url").slice(0, 16);
}

/** Returns a pattern for the indexes of every owner. Everything of an owner is listed in one of them. */
export function ownerIndexPattern(prefix: string): string {
  return `${literal(prefix)}:user:{*}:*s`;
}

/** Escapes the characters that have a meaning in a glob. */
export function literal(prefix: string): string {
  return prefix.replaceAll(/[*?[\]\\^-]/g, String.raw`\$&`);
}

const indexes = ownedThings.flatMap((thing) => [thing.name, erasedIndex(thing)]).join("|");
const indexKey = new RegExp(String.raw`:user:\{([\w-]{16})\}:(?:${indexes})$`);

/** Returns the owner's tag in a key that `ownerIndexPattern` found; `undefined` if the key is no index. */
export function tagOfIndex(key: string): string | undefined {
  return indexKey.exec(key)?.[1];
}

/** Returns the beginning of the Pub/Sub channels of an owner's answers. The id of a conversation follows it. */
export function answerChannels(base: string): string {
  return `${base}:answer:`;
}

/**
 * Returns the Pub/Sub channel of a conversation's answers. A message says that the running turn has to stop:
 * "stop <token of its lease> <reason>".
 */
export function answerChannel(base: string, conversationId: string): string {
  return answerChannels(base) + encode(conversationId);
}

/**
 * Returns the Pub/Sub channel of the events of a conversation's answers. It is a channel of its own, so that the process
 * that answers does not receive what it has sent. A message says that there is something to read: "events". A small batch
 * of events that are not sealed comes with it: "events <run> <number of the first event>", and a line for each event.
 */
export function eventsChannel(channel: string): string {
  return channel + EVENTS_CHANNEL;
}

/** Returns the Pub/Sub channel of the ends of sessions: "<session id> <reason>". */
export function endingsChannel(prefix: string): string {
  return `${prefix}:session-endings`;
}

/** Returns the key of an owner's wrapped data key, if data keys are kept in a Redis of their own. */
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
  if (/^[\w.~-]*$/.test(id)) return id; // Most ids need no encoding.
  // encodeURIComponent leaves these five characters, which RFC 3986 reserves. `*` would be a glob.
  return encodeURIComponent(id).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

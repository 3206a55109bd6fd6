import type { Cluster, Redis } from "ioredis";
import { RedisChatMessageHistory, type Session, SessionStore, type StoredFormOptions } from "langchain-redis-sessions";
// Not exported by the package: only a program that counts keys needs to spell them.
import { historyKeys, ownerKeys, ownerTag } from "../../../src/redis/keys.js";
import { bytesIn, messagesIn, messagesOf, type Turn } from "../workload/conversation.js";
import type { StoredKey } from "../workload/population.js";
import type { WriteText } from "../workload/text.js";
import type { Owner, Standalone, User } from "../workload/users.js";

const PREFIX = "chat";
const AGENT = "support";

/** A session that was opened, and the conversation that it points at. */
export interface Opened {
  readonly token: string;
  readonly session: Session;
  readonly turns: readonly Turn[];
}

/** In what form messages are stored, and what they say. */
interface Content extends StoredFormOptions {
  readonly texts?: WriteText | undefined;
}

/** The client that writes, and the form in which it stores. */
interface Writing extends StoredFormOptions {
  readonly client: Redis | Cluster;
}

/** What an owner left in Redis. */
export interface Stored {
  readonly keys: readonly StoredKey[];
  readonly opened: readonly Opened[];
}

/** `"turn"`: an append for each, as a chat does. `"conversation"`: one for all of its turns, which stores the same. */
export type Pace = "turn" | "conversation";

/** Writes what one owner has, through the library as any program would. */
export function store(
  client: Redis | Cluster,
  owner: Owner,
  pace: Pace,
  random: () => number,
  { texts, ...form }: Content = {},
): Promise<Stored> {
  const options = { client, ...form };
  const converse: Converse = async (open, turns) => {
    const messages = turns.map((turn) => messagesOf(turn, random, texts));
    for (const batch of pace === "turn" ? messages : [messages.flat()]) await open().addMessages(batch);
  };
  return "userId" in owner ? storeUser(options, owner, converse) : storeHistory(options, owner, converse);
}

type Converse = (open: () => RedisChatMessageHistory, turns: readonly Turn[]) => Promise<void>;

async function storeHistory(
  options: Writing,
  { sessionId, conversation }: Standalone,
  converse: Converse,
): Promise<Stored> {
  await converse(() => new RedisChatMessageHistory({ ...options, sessionId }), conversation);
  const { messages } = historyKeys(PREFIX, sessionId);
  return { keys: [{ ...contentOf(conversation), key: messages, kind: "standalone messages" }], opened: [] };
}

async function storeUser(
  options: Writing,
  { userId, sessions, conversations, memory }: User,
  converse: Converse,
): Promise<Stored> {
  const sessionStore = new SessionStore(options);
  const own = ownerKeys(PREFIX, ownerTag(userId, undefined));
  const created: { token: string; session: Session }[] = [];
  for (let count = 0; count < sessions; count++) created.push(await sessionStore.create({ userId, agentId: AGENT }));
  const keys: StoredKey[] = created.map(({ session }) => one("session", own.session(session.id)));
  keys.push({ ...one("sessions of a user", own.sessions), items: sessions });

  const { token, session: first } = created[0] as (typeof created)[number];
  let session = first;
  for (const [position, turns] of conversations.entries()) {
    if (position > 0) session = await sessionStore.openConversation(session);
    const at = session;
    await converse(() => sessionStore.history(at), turns);
    keys.push(one("conversation", own.conversation(at.conversationId)), {
      ...contentOf(turns),
      key: own.messages(at.conversationId),
      kind: "messages",
    });
  }
  keys.push({ ...one("conversations of a user", own.conversations), items: conversations.length });

  if (memory.length > 0) {
    const values = memory.map((bytes, index) => [`fact-${index}`, "x".repeat(bytes)] as const);
    for (const [key, value] of values) await sessionStore.memory(session).set(key, value);
    const at = own.memory(AGENT);
    const bytes = values.reduce((total, [key, value]) => total + key.length + value.length, 0);
    keys.push(
      { key: at.values, kind: "memory values", items: values.length, bytes },
      one("memory usage", at.usage),
      one("memory writes", at.writes),
      one("memories of a user", own.memories),
    );
  }
  return { keys, opened: [{ token, session, turns: conversations.at(-1) ?? [] }] };
}

function one(kind: StoredKey["kind"], key: string): StoredKey {
  return { key, kind, items: 1, bytes: 0 };
}

function contentOf(turns: readonly Turn[]): Pick<StoredKey, "items" | "bytes"> {
  return { items: messagesIn(turns), bytes: bytesIn(turns) };
}

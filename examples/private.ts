// Unreadable at rest: `npm run private`.
//
// A conversation as Redis has it, first as text and then sealed. The key of the ring changes, and the conversation stays as
// it is. A user is erased; an old dump of Redis is put back, and nobody can read it, because the user's key was kept elsewhere.
import { randomBytes } from "node:crypto";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { connect, type DataKeys, keyring, type KeyringOptions, SessionStore } from "langchain-redis-sessions";
import { heading, line } from "./print.js";
import { redisForExample } from "./redis.js";

await using redis = await redisForExample();
const client = connect(redis.url);
const keys = { "2025-06": randomBytes(32), "2026-11": randomBytes(32) };

/** Stands for a key management service: wrapped keys in the memory of another program. */
const elsewhere = new Map<string, string>();
const dataKeys: DataKeys = {
  get: async (owner) => elsewhere.get(owner),
  create: async (owner, wrapped, { replaces }) => {
    const held = elsewhere.get(owner);
    if (held === undefined || held === replaces) elsewhere.set(owner, wrapped);
    return elsewhere.get(owner) ?? wrapped;
  },
  destroy: async (owner, wrapped) => {
    if (elsewhere.get(owner) === wrapped) elsewhere.delete(owner);
  },
};

/** Each has a key prefix of its own, so that their keys can be told apart. */
function storeFor(keyPrefix: string, options?: Partial<KeyringOptions>): SessionStore {
  const encryption = options && keyring({ current: "2025-06", keys, ...options });
  return new SessionStore({ client, keyPrefix, encryption });
}

const ada = { userId: `ada-${process.pid}` };
async function talk(sessions: SessionStore): Promise<string> {
  const { session } = await sessions.create({ ...ada, agentId: "health", metadata: { plan: "family" } });
  const turn = [new HumanMessage("My back has hurt since Monday."), new AIMessage("How did it begin?")];
  await sessions.history(session).addMessages(turn);
  await sessions.conversations.rename(ada, session.conversationId, "Back pain");
  await sessions.close();
  return session.conversationId;
}

heading("Without encryption, whoever can read Redis reads the conversation");
await talk(storeFor("plain"));
await show("plain");

heading("With encryption: content is sealed; times, counts and ids stay readable");
const id = await talk(storeFor("sealed", {}));
await show("sealed");

heading("The key of the ring changes: the next write wraps the data key anew, and no message is written anew");
const before = await entriesOf("sealed");
const rotated = storeFor("sealed", { current: "2026-11" });
await rotated.conversations.rename(ada, id, "Back pain, since Monday");
await show("sealed");
line(
  "entries",
  (await entriesOf("sealed")).every((entry, index) => entry.equals(before[index] as Buffer))
    ? "the same bytes"
    : "other bytes",
);
line("read", await firstMessage(rotated, id));

for (const kept of ["beside what they seal", "elsewhere"] as const) {
  heading(`The user is erased, and an old dump is put back. Data keys were kept ${kept}`);
  const prefix = kept === "elsewhere" ? "kept" : "beside";
  const options = kept === "elsewhere" ? { dataKeys } : {};
  const conversation = await talk(storeFor(prefix, options));
  const dump = await dumpOf(prefix);
  const erased = await storeFor(prefix, options).eraseUser(ada);
  line("erased", `${erased.conversations} conversation, ${erased.sessions} session, and the data key`);
  for (const [key, bytes] of dump) await client.restore(key, 60_000, bytes, "REPLACE");
  line("dump", `${dump.length} keys, with the ring that sealed them`);
  line("read", await firstMessage(storeFor(prefix, options), conversation));
}

await remove();
await client.quit();

/** What Redis holds of a store: the record of the conversation, its messages, and the data key. */
async function show(prefix: string): Promise<void> {
  for (const key of await keysOf(prefix)) {
    const [, name = ""] = /\}:([a-z-]+)/.exec(key) ?? [];
    if (name === "messages") {
      for (const entry of await client.lrangeBuffer(key, 0, -1)) line("message", readable(entry));
    } else if (name === "conversation") {
      line("title", readable((await client.hgetBuffer(key, "title")) ?? Buffer.alloc(0)));
    } else if (name === "session") {
      line("plan", readable((await client.hgetBuffer(key, "metadata:plan")) ?? Buffer.alloc(0)));
    } else if (name === "data-key") {
      const [keyId, ring, wrapped = ""] = (await client.get(key))?.split(" ") ?? [];
      line("key", `${keyId}, wrapped by ${ring}: ${wrapped.slice(0, 24)}…`);
    }
  }
}

/** Shows bytes as a terminal can: those that are no ASCII as dots. */
function readable(bytes: Buffer): string {
  const text = [...bytes].map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
  return text.length > 92 ? `${text.slice(0, 62)} … ${text.slice(-27)}` : text;
}

async function firstMessage(sessions: SessionStore, conversationId: string): Promise<string> {
  try {
    const [first] = await sessions.conversations.messages(ada, conversationId);
    return first?.message.text ?? "nothing";
  } catch (error) {
    return String(error);
  } finally {
    await sessions.close();
  }
}

async function keysOf(prefix: string): Promise<string[]> {
  return (await client.keys(`${prefix}:*`)).toSorted();
}

async function entriesOf(prefix: string): Promise<Buffer[]> {
  const key = (await keysOf(prefix)).find((one) => one.includes(":messages:"));
  return key === undefined ? [] : client.lrangeBuffer(key, 0, -1);
}

async function dumpOf(prefix: string): Promise<[string, Buffer][]> {
  const dump: [string, Buffer][] = [];
  for (const key of await keysOf(prefix)) dump.push([key, await client.dumpBuffer(key)]);
  return dump;
}

async function remove(): Promise<void> {
  for (const prefix of ["plain", "sealed", "kept", "beside"]) {
    for (const key of await keysOf(prefix)) await client.unlink(key);
  }
}

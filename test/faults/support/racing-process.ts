import { createInterface } from "node:readline";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Cluster, Redis } from "ioredis";
import { createClient, createCluster } from "redis";
import {
  type RedisClient,
  type Session,
  LangChainRedisError,
  SessionStore,
  StoreUnavailableError,
} from "../../../src/index.js";
import { fromNodeRedis } from "../../../src/node-redis/index.js";
import { ownerKeys, ownerTag } from "../../../src/redis/keys.js";
import { ring } from "../../sealed/options.js";
import { seeded } from "../../sessions/support/seeded.js";
import { connected, rootNodes } from "../../support/node-redis.js";
import { isSealed } from "../../support/sealed.js";
import type { RaceEvent, RaceOrder } from "./race.js";

// A program of its own that does whatever can be done to the sessions of a few owners, several things at once, until it
// is killed. A line in: a RaceOrder as JSON. A line out for all that it did: a RaceEvent, when it began and when it ended.
const line = await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next();
const order = JSON.parse(line.value ?? "") as RaceOrder;
const { keyPrefix, limit, owners } = order;
const [address] = order.addresses;
const client = order.addresses.length > 1 ? new Cluster([...order.addresses]) : new Redis({ ...address });
const choices = seeded(order.seed);
const agentId = "support";

/** What the sessions of all processes are found by: any may use any. */
const pool = `${keyPrefix}-pool`;

interface Held {
  readonly session: Session;
  readonly token: string;
}

interface Doing {
  readonly create: (userId: string) => Promise<Held & { ended: readonly string[] }>;
  readonly verify: (held: Held) => Promise<unknown>;
  readonly append: (held: Held, text: string) => Promise<unknown>;
  readonly rotate: (held: Held) => Promise<string>;
  readonly update: (held: Held) => Promise<unknown>;
  readonly open: (held: Held) => Promise<Session>;
  readonly clear: (held: Held) => Promise<unknown>;
  readonly end: (held: Held) => Promise<boolean>;
  readonly endById: (held: Held) => Promise<boolean>;
  readonly endAll: (userId: string) => Promise<unknown>;
}

async function ofTheStore(): Promise<RedisClient> {
  if (order.by === "ioredis") return client;
  const [socket] = order.addresses;
  if (order.addresses.length > 1) {
    return fromNodeRedis(await connected(createCluster({ rootNodes: rootNodes(order.addresses) })));
  }
  return fromNodeRedis(await connected(createClient(socket && { socket })));
}

const form = isSealed ? { encryption: ring, compress: true } : {};
const store = new SessionStore({
  client: await ofTheStore(),
  keyPrefix,
  maxSessionsPerUser: limit,
  deadline: "30s",
  ...form,
});
const throughTheStore: Doing = {
  create: (userId) => store.create({ userId, agentId }),
  verify: ({ token }) => store.verify(token),
  append: ({ session }, text) =>
    store.history(session).addMessages([new HumanMessage(text), new AIMessage(`re: ${text}`)]),
  rotate: async ({ token }) => (await store.rotate(token)).token,
  update: ({ session }) => store.update(session, { metadata: { at: Date.now() } }),
  open: ({ session }) => store.openConversation(session),
  clear: ({ session }) => store.history(session).clear(),
  end: ({ token }) => store.end(token),
  endById: ({ session }) => store.endById(session, session.id),
  endAll: (userId) => store.endAll({ userId }),
};

/** The control: the same without scripts. It looks, then acts, as is often done. */
const inPlainCommands: Doing = {
  ...throughTheStore,
  create: async (userId) => {
    const index = keysOf(userId).sessions;
    const made = await store.create({ userId: `template ${userId}`, agentId });
    const surplus = (await client.zcard(index)) - limit + 1;
    const ended = surplus > 0 ? await client.zrange(index, 0, String(surplus - 1)) : [];
    if (ended.length > 0) await client.zrem(index, ...ended);
    await client.zadd(index, Date.now(), made.session.id);
    return { ...made, session: { ...made.session, userId }, ended };
  },
  verify: (held) => assertListed(held),
  append: async (held, text) => {
    await assertListed(held);
    const messages = keysOf(held.session.userId).messages(held.session.conversationId);
    await client.zadd(keysOf(held.session.userId).conversations, Date.now(), held.session.conversationId);
    for (const content of [text, `re: ${text}`]) {
      await client.rpush(messages, JSON.stringify({ type: "human", data: { content }, at: Date.now() }));
    }
  },
  rotate: async (held) => {
    await assertListed(held);
    return held.token;
  },
  update: (held) => assertListed(held),
  open: async (held) => {
    await assertListed(held);
    return { ...held.session, conversationId: crypto.randomUUID() };
  },
  clear: async (held) => {
    await assertListed(held);
    await client.del(keysOf(held.session.userId).messages(held.session.conversationId));
  },
  end: async ({ session }) => (await client.zrem(keysOf(session.userId).sessions, session.id)) > 0,
  endById: async ({ session }) => (await client.zrem(keysOf(session.userId).sessions, session.id)) > 0,
  endAll: (userId) => client.del(keysOf(userId).sessions),
};

class NotListedError extends Error {}

function keysOf(userId: string) {
  return ownerKeys(keyPrefix, ownerTag(userId, undefined));
}

async function assertListed({ session }: Held): Promise<void> {
  if ((await client.zscore(keysOf(session.userId).sessions, session.id)) === null) throw new NotListedError();
}

const doing = order.how === "store" ? throughTheStore : inPlainCommands;
const operations = [
  ...Array.from({ length: 16 }, () => "create" as const),
  ...Array.from({ length: 24 }, () => "verify" as const),
  ...Array.from({ length: 30 }, () => "append" as const),
  ...Array.from({ length: 8 }, () => "rotate" as const),
  ...Array.from({ length: 5 }, () => "update" as const),
  ...Array.from({ length: 6 }, () => "end" as const),
  ...Array.from({ length: 4 }, () => "endById" as const),
  ...Array.from({ length: 4 }, () => "open" as const),
  ...Array.from({ length: 2 }, () => "clear" as const),
  "endAll" as const,
];

let turns = 0;

async function step(): Promise<void> {
  const name = choices.one(operations);
  const userId = choices.one(owners);
  const field = name === "create" || name === "endAll" ? null : await client.hrandfield(pool);
  const stored = field === null ? null : await client.hget(pool, String(field));
  const held = stored === null ? undefined : (JSON.parse(stored) as Held);
  const sessionId = held?.session.id ?? "";
  const text = name === "append" ? `${process.pid}/${turns++}` : "";
  const began = microseconds();
  // Before it begins: whoever is killed in the midst of it has told what may be stored.
  if (text !== "") say({ name: "begin", text });
  try {
    if (name === "create") {
      const { ended, ...made } = await doing.create(userId);
      say({ name, sessionId: made.session.id, ended, began, done: microseconds(), at: Date.now(), userId });
      await client.hset(pool, made.session.id, JSON.stringify(made));
      if (ended.length > 0) await client.hdel(pool, ...ended);
    } else if (name === "endAll") {
      // Those that are there before it begins: the ones that it has to end.
      const before = await client.zrange(keysOf(userId).sessions, 0, "-1");
      await doing.endAll(userId);
      say({ name, sessionId, ended: before, began, done: microseconds(), at: Date.now(), userId });
    } else if (held) {
      const result = await doing[name](held, text);
      const over = name === "end" || name === "endById";
      const ended = over && result === true ? [sessionId] : [];
      say({ name, sessionId, ended, began, done: microseconds(), at: Date.now(), userId: held.session.userId, text });
      if (ended.length > 0) await client.hdel(pool, sessionId);
      if (name === "rotate") await client.hset(pool, sessionId, JSON.stringify({ ...held, token: result }));
      if (name === "open") await client.hset(pool, sessionId, JSON.stringify({ ...held, session: result }));
    }
  } catch (error) {
    if (error instanceof StoreUnavailableError) return;
    if (!(error instanceof LangChainRedisError || error instanceof NotListedError)) throw error;
    say({ name: "refused", text });
    // Half of them stay, so that ended sessions are tried again.
    if (held && choices.below(2) === 0) await client.hdel(pool, sessionId);
  }
}

/** Of a clock that all processes of a machine share. */
function microseconds(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

function say(event: RaceEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

await client.ping();
await Promise.all(
  Array.from({ length: order.lanes }, async () => {
    for (;;) await step();
  }),
);

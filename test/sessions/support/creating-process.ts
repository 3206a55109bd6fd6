import { createInterface } from "node:readline";
import { Cluster, Redis } from "ioredis";
import { SessionStore } from "../../../src/index.js";
import type { Creation, CreationOrder } from "./creating-processes.js";

// A program of its own that creates sessions for one user, several at once. A line in: a CreationOrder as JSON; it
// connects and says "ready". The next line in: it begins, and says what it created, as JSON. And so on until the end.
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (value: unknown): boolean => process.stdout.write(`${JSON.stringify(value)}\n`);

for await (const line of lines) {
  const order = JSON.parse(line) as CreationOrder;
  const [address] = order.addresses;
  const client = order.addresses.length > 1 ? new Cluster([...order.addresses]) : new Redis({ ...address });
  await client.ping();
  say("ready");
  await lines.next();
  const create = order.how === "store" ? throughTheStore(client, order) : inPlainCommands(client, order);
  const created: Creation[] = [];
  await Promise.all(
    Array.from({ length: order.lanes }, async () => {
      for (let made = 0; made < order.creates / order.lanes; made++) created.push(await create());
    }),
  );
  client.disconnect();
  say(created);
}

function throughTheStore(client: Redis | Cluster, order: CreationOrder): () => Promise<Creation> {
  const { keyPrefix, userId, limit } = order;
  const sessions = new SessionStore({ client, keyPrefix, maxSessionsPerUser: limit });
  return async () => {
    const { session, ended } = await sessions.create({ userId, agentId: "support" });
    return { id: session.id, startedAt: session.startedAt.getTime(), ended };
  };
}

/** The limit as it is often kept: look, then act. */
function inPlainCommands(client: Redis | Cluster, { index, limit }: CreationOrder): () => Promise<Creation> {
  return async () => {
    const id = crypto.randomUUID();
    const startedAt = Date.now();
    const surplus = (await client.zcard(index)) - limit + 1;
    const ended = surplus > 0 ? await client.zrange(index, 0, String(surplus - 1)) : [];
    if (ended.length > 0) await client.zrem(index, ...ended);
    await client.zadd(index, startedAt, id);
    return { id, startedAt, ended };
  };
}

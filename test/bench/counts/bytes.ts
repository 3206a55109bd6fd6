import { randomUUID } from "node:crypto";
import { SessionStore } from "langchain-redis-sessions";
import type { Redis } from "ioredis";
import type { Clients } from "../network/clients.js";
import { ExpressSessions } from "../workloads/express-sessions.js";
import { histories } from "../workloads/histories.js";
import { turnOf } from "../workloads/messages.js";
import { COMMUNITY, EXPRESS_SESSION, OURS, REDIS_PACKAGE } from "../workloads/names.js";

/** `MEMORY USAGE` of every key that something made: the mean of several. */
export interface Bytes {
  readonly what: string;
  readonly candidate: string;
  readonly keys: number;
  readonly bytes: number;
  /** Of them, in the keys that remember operation ids for two minutes. */
  readonly twoMinutes: number;
}

/** Over so many messages of each kind of conversation the mean is taken. */
const MESSAGES = 1_000;

/** Conversations, written turn by turn, and sessions. The server must be empty, and is left so. */
export async function measureBytes(
  clients: Clients,
  lengths: readonly number[],
  random: () => number,
): Promise<Bytes[]> {
  const measured: Bytes[] = [];
  const measure = async (what: string, candidate: string, makes: (() => Promise<unknown>)[]): Promise<void> => {
    await Promise.all(makes.map((make) => make()));
    measured.push({ what, candidate, ...(await usage(clients.ioredis, makes.length)) });
    await clients.ioredis.flushall();
  };
  for (const length of lengths) {
    // The same for all. Of one size only, turns fill the nodes of a Redis list to one level, and a node more or less is
    // all that could be seen.
    const conversations = Array.from({ length: Math.ceil(MESSAGES / length) }, () =>
      Array.from({ length: length / 2 }, () => 1 / 3 + (random() * 4) / 3),
    );
    for (const [name, open] of Object.entries(histories(clients))) {
      if (![OURS, COMMUNITY, REDIS_PACKAGE].includes(name)) continue;
      const makes = conversations.map((sizes) => async () => {
        const id = randomUUID();
        for (const size of sizes) await open(id).addMessages(turnOf(size));
      });
      await measure(`${length} messages`, name, makes);
    }
  }
  const sessions = new SessionStore({ client: clients.ioredis });
  const express = new ExpressSessions(clients.redis, 14_400);
  await measure("a session", OURS, [() => sessions.create({ userId: "ada", agentId: "support" })]);
  await measure("a session", EXPRESS_SESSION, [() => express.create("ada")]);
  return measured;
}

async function usage(client: Redis, makes: number): Promise<Pick<Bytes, "keys" | "bytes" | "twoMinutes">> {
  const keys = await client.keys("*");
  const sizes = await Promise.all(keys.map(async (key) => Number(await client.memory("USAGE", key, "SAMPLES", 0))));
  const sum = (belongs: (key: string) => boolean): number =>
    Math.round(sizes.reduce((total, size, index) => (belongs(keys[index] ?? "") ? total + size : total), 0) / makes);
  const twoMinutes = sum((key) => key.includes(":operation:"));
  return { keys: Math.round(keys.length / makes), bytes: sum(() => true), twoMinutes };
}

import { setTimeout } from "node:timers/promises";
import { SessionStore } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import type { RedisAddress } from "langchain-redis-sessions/testing";
import { type Clients, openClients } from "../network/clients.js";
import { tapWire, type WireTap } from "../network/wire-tap.js";
import { append } from "../workloads/append.js";
import { getMemory, setMemory } from "../workloads/memory.js";
import { OURS } from "../workloads/names.js";
import { read } from "../workloads/read.js";
import { createSession, endSession, verifySession } from "../workloads/sessions.js";
import { chain, historyKeys, turn } from "../workloads/turn.js";

/** How often an operation waits for Redis. */
export interface RoundTrips {
  readonly operation: string;
  readonly candidate: string;
  readonly roundTrips: number;
}

interface Operation {
  readonly operation: string;
  readonly candidate: string;
  readonly prepare?: ((operations: number) => Promise<unknown>) | undefined;
  readonly run: () => unknown;
}

export async function countRoundTrips(redis: RedisAddress): Promise<RoundTrips[]> {
  const tap = await tapWire(redis);
  const clients = await openClients(tap.url);
  const counted: RoundTrips[] = [];
  for (const { operation, candidate, prepare, run } of await operations(clients)) {
    // The first call teaches the server its scripts.
    await prepare?.(2);
    await run();
    await quiet(tap);
    const before = tap.roundTrips;
    await run();
    counted.push({ operation, candidate, roundTrips: tap.roundTrips - before });
  }
  await clients.close();
  tap.close();
  return counted;
}

/** What a first call begins in the background, as the subscriber that hears of endings, is no part of the next. */
async function quiet(tap: WireTap): Promise<void> {
  for (let before = -1; before !== tap.roundTrips;) {
    before = tap.roundTrips;
    await setTimeout(100);
  }
}

async function operations(clients: Clients): Promise<Operation[]> {
  const found: Operation[] = [];
  for (const workload of [append, read(10, 1), turn, createSession, verifySession, endSession, setMemory, getMemory]) {
    for (const { name, prepare, run } of await workload.candidates(clients, 1)) {
      found.push({ operation: workload.name, candidate: name, prepare, run: () => run(0) });
    }
  }
  return [...found, ...(await ofSessions(clients))];
}

/** What only sessions have. */
async function ofSessions({ ioredis: client }: Clients): Promise<Operation[]> {
  const limited = new SessionStore({ client, maxSessionsPerUser: 1 });
  const init = { userId: "limited", agentId: "support" };
  const sessions = new SessionStore({ client });
  const { token } = await sessions.create({ userId: "verified", agentId: "support" });
  const runnable = new RunnableWithSession({ runnable: chain(), sessions, ...historyKeys });
  const ask = async (): Promise<unknown> => {
    const session = await sessions.verify(token);
    return runnable.invoke({ input: "Hi" }, { configurable: { session } });
  };
  const many = { userId: "many", agentId: "support" };
  for (let count = 0; count < 3; count++) await sessions.create(many);
  return [
    { operation: "verified-turn", candidate: OURS, run: ask },
    { operation: "create-at-limit", candidate: OURS, run: () => limited.create(init) },
    { operation: "end-all", candidate: OURS, run: () => sessions.endAll(many) },
  ];
}

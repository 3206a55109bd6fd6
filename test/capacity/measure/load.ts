import type { Redis } from "ioredis";
import { Census, type Population } from "../workload/population.js";
import { ownersOf } from "../workload/users.js";
import type { World } from "../workload/world.js";
import { type Memory, memoryOf } from "./info.js";
import { inLanes } from "./lanes.js";
import type { Server } from "./server.js";
import { type Opened, store } from "./store.js";

/** So many at once: the connections pipeline what is under way. */
const LANES = 192;
/** As long as an operation id is remembered, and a second. */
const REMEMBERED_MILLISECONDS = 121_000;
/** Of the sessions that were opened, so many are kept for what follows. */
const KEPT = 5_000;

export interface Loaded {
  readonly server: Server;
  readonly population: Population;
  readonly opened: readonly Opened[];
  readonly before: readonly Memory[];
  readonly seconds: number;
  /** Of `performance.now()`: from then on no operation id is remembered any more. */
  readonly forgottenAt: number;
}

export interface Filling {
  readonly conversations: number;
  readonly world: World;
  /** Random numbers for who there is, and others for what is said: the order of replies changes only the texts. */
  readonly owners: () => number;
  readonly texts: () => number;
  readonly onPart: (part: number) => void;
}

/** Fills servers with so many conversations, each in one append: what is stored is the same as turn by turn. */
export async function load(server: Server, { conversations, world, owners, texts, onPart }: Filling): Promise<Loaded> {
  const { clients, nodes } = server;
  const census = new Census();
  const opened: Opened[] = [];
  let users = 0;
  await learnScripts(server, world, texts);
  const before = await memories(nodes);
  const began = performance.now();
  await inLanes(ownersOf(conversations, world, owners), LANES, async (owner, lane) => {
    const client = clients[lane % clients.length] as (typeof clients)[number];
    const stored = await store(client, owner, "conversation", texts);
    let written = 0;
    for (const key of stored.keys) {
      census.add(key);
      if (key.kind === "messages" || key.kind === "standalone messages") written += 1;
    }
    for (const one of stored.opened) {
      // A reservoir: each user is in it with the same probability.
      const place = users < KEPT ? users : Math.floor(texts() * (users + 1));
      if (place < KEPT) opened[place] = one;
      users += 1;
    }
    onPart(written / conversations);
  });
  const done = performance.now();
  const forgottenAt = done + REMEMBERED_MILLISECONDS;
  return { server, population: census.population, opened, before, seconds: (done - began) / 1_000, forgottenAt };
}

/** So that neither they nor the buffers of connections are taken for data. */
async function learnScripts({ clients, nodes }: Server, world: World, random: () => number): Promise<void> {
  for (const owner of ownersOf(30, { ...world, remembered: 1 }, random)) {
    await store(clients[0] as (typeof clients)[number], owner, "conversation", random);
  }
  for (const node of nodes) await node.flushall();
}

export function memories(nodes: readonly Redis[]): Promise<Memory[]> {
  return Promise.all(nodes.map(memoryOf));
}

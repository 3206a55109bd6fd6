import { lineThrough } from "../model/least-squares.js";
import { bucketBytes } from "../model/memory.js";
import type { Linear, MemoryParameters } from "../model/parameters.js";
import { drawTurn, type Turn } from "../workload/conversation.js";
import { type Kind, kinds, type StoredKey } from "../workload/population.js";
import type { Owner } from "../workload/users.js";
import type { World } from "../workload/world.js";
import { memoryOf } from "./info.js";
import { inLanes } from "./lanes.js";
import type { Server } from "./server.js";
import { memoryUsage, sizesOf } from "./sizes.js";
import { store } from "./store.js";

const LENGTHS = [1, 2, 3, 5, 8, 13, 21, 34];
const SCALES = [0.25, 0.5, 1, 2, 4];
const LANES = 16;

/**
 * Weighs single keys: conversations of chosen lengths and sizes, not the spread that the model is checked against. They
 * are written turn by turn.
 */
export async function calibrateMemory(
  server: Server,
  world: World,
  users: number,
  random: () => number,
): Promise<MemoryParameters> {
  const { clients, nodes } = server;
  // The server learns the scripts, and the connections get their buffers.
  for (const owner of gridOf(LANES, world, random))
    await store(clients[0] as (typeof clients)[number], owner, "turn", random);
  for (const node of nodes) await node.flushall();
  const before = await keyBytes(server);
  const stored: StoredKey[] = [];
  await inLanes(gridOf(users, world, random), LANES, async (owner, lane) => {
    const client = clients[lane % clients.length] as (typeof clients)[number];
    stored.push(...(await store(client, owner, "turn", random)).keys);
  });
  // None has expired yet, so those that remember operation ids are all there and are weighed too.
  const operations = (await sizesOf(nodes, 500, random)).find(({ kind }) => kind === "operation");
  if (operations === undefined) throw new Error("No operation id is remembered.");
  const sizes = await weigh(server, stored);
  const after = await keyBytes(server);

  const told = sizes.reduce((total, { size }) => total + size, 0) + operations.keys * operations.meanBytes;
  const keys = sizes.length + operations.keys;
  const buckets = after.perNode.reduce((total, count) => total + bucketBytes(count), 0);
  return {
    kinds: Object.fromEntries(kinds.map((kind) => [kind, fit(sizes, kind)])) as Record<Kind, Linear>,
    operation: operations.meanBytes,
    untoldPerKey: (after.bytes - before.bytes - told - buckets) / keys,
  };
}

/** Standalone histories, and users with one conversation up to sixteen. */
function* gridOf(users: number, world: World, random: () => number): Generator<Owner> {
  let shape = 0;
  const next = (): Turn[] => {
    const length = LENGTHS[shape % LENGTHS.length] ?? 1;
    const scale = SCALES[Math.floor(shape++ / LENGTHS.length) % SCALES.length] ?? 1;
    return Array.from({ length }, () => scaled(drawTurn(world, random), scale));
  };
  for (let user = 0; user < users; user++) {
    const name = String(user).padStart(18, "0");
    yield { sessionId: `history-${name}-0`, conversation: next() };
    yield {
      userId: `user-${name}`,
      sessions: 1 + (user % 3),
      conversations: Array.from({ length: 2 ** (user % 5) }, next),
      memory: Array.from({ length: 1 + (user % 8) }, () => Math.round(40 + 300 * random())),
    };
  }
}

function scaled({ question, answer, toolResult }: Turn, scale: number): Turn {
  const scaleOf = (bytes: number): number => Math.ceil(bytes * scale);
  return {
    question: scaleOf(question),
    answer: scaleOf(answer),
    toolResult: toolResult === undefined ? undefined : scaleOf(toolResult),
  };
}

interface Weighed {
  readonly stored: StoredKey;
  readonly size: number;
}

async function weigh({ nodes }: Server, stored: readonly StoredKey[]): Promise<Weighed[]> {
  const perNode = await Promise.all(
    nodes.map(async (node) => {
      const own = nodes.length === 1 ? stored : await ownedBy(node, stored);
      const sizes = await memoryUsage(
        node,
        own.map(({ key }) => key),
      );
      return own.map((one, index) => ({ stored: one, size: sizes[index] ?? 0 }));
    }),
  );
  return perNode.flat();
}

/** Of a Cluster, a node refuses to weigh what is another's. */
async function ownedBy(node: Server["nodes"][number], stored: readonly StoredKey[]): Promise<StoredKey[]> {
  const replies = (await node.pipeline(stored.map(({ key }) => ["exists", key])).exec()) ?? [];
  return stored.filter((_, index) => replies[index]?.[0] == null);
}

function fit(weighed: readonly Weighed[], kind: Kind): Linear {
  const ofKind = weighed.filter(({ stored }) => stored.kind === kind);
  return lineThrough(
    ofKind.map(({ stored }) => stored),
    ofKind.map(({ size }) => size),
  );
}

async function keyBytes({ nodes }: Server): Promise<{ bytes: number; perNode: number[] }> {
  const memories = await Promise.all(nodes.map(memoryOf));
  return {
    bytes: memories.reduce((total, memory) => total + memory.keyBytes, 0),
    perNode: memories.map(({ keys }) => keys),
  };
}

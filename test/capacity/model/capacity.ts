import { type Population, Census } from "../workload/population.js";
import type { World } from "../workload/world.js";
import type { Assumptions } from "./assumptions.js";
import { type AverageConversation, averageConversation } from "./conversations.js";
import { memoryOfPopulation } from "./memory.js";
import type { Call, Linear, Parameters } from "./parameters.js";
import { costOfTurn, sumOfTurn, type TurnCost } from "./turn.js";
import { expectedUnevenness } from "./unevenness.js";

/** What was measured, as the model takes it. */
export interface Measured {
  readonly parameters: Parameters;
  readonly world: World;
  /** Resident bytes per byte that Redis counts. */
  readonly fragmentation: number;
  /** Processor time of a turn in the large run, as a multiple of what its calls take one kind at a time on little data. */
  readonly cpuFactor: number;
  /** Bytes that a call sends to each replica, and writes to the append-only file. */
  readonly replicated: Readonly<Record<Call, Linear>>;
  /** Standard deviation of what a user stores, and of how much users say, by its mean. */
  readonly variation: { readonly bytes: number; readonly turns: number };
}

/** What so many conversations need. */
export interface Need {
  readonly conversations: number;
  readonly users: number;
  readonly bytes: number;
  readonly shardsByMemory: number;
  readonly shardsByCpu: number;
  readonly shards: number;
  readonly bound: "memory" | "processor time";
  /** With replicas. */
  readonly nodes: number;
  readonly turnsPerSecond: number;
  readonly peakTurnsPerSecond: number;
  readonly activeUsers: number;
  readonly liveSessions: number;
  readonly cost: TurnCost;
  /** Bytes of a turn to each replica. */
  readonly replicatedBytes: number;
  /** Bytes a second at the peak, of all shards. */
  readonly peakBytesIn: number;
  readonly peakBytesOut: number;
  readonly peakReplicatedBytes: number;
  readonly average: AverageConversation;
}

const DAY_SECONDS = 86_400;
const OPERATION_SECONDS = 120;

export function needOf(conversations: number, measured: Measured, assumptions: Assumptions): Need {
  const { parameters, world, variation } = measured;
  const average = averageConversation(world, assumptions);
  const bytesPerMessage = average.bytesPerTurn / average.messagesPerTurn;
  // As many come as go: of those that are kept, so many parts are renewed a second.
  const turnsPerSecond = (conversations * average.turns) / (assumptions.retentionDays * DAY_SECONDS);
  const sessionsPerSecond =
    conversations / assumptions.retentionDays / DAY_SECONDS / assumptions.conversationsPerSession;
  const peakTurnsPerSecond = turnsPerSecond * assumptions.peakToMean;
  const liveSessions = sessionsPerSecond * assumptions.peakToMean * assumptions.idleHours * 3_600;
  const users = conversations / average.conversationsPerUser;
  const population = populationOf({ conversations, users, liveSessions }, average, world);
  const memory = (shards: number): number =>
    memoryOfPopulation(population, parameters.memory, { shards, operations: peakTurnsPerSecond * OPERATION_SECONDS });

  const turn = {
    readMessages: average.messagesRead,
    readBytes: average.messagesRead * bytesPerMessage,
    appendedMessages: average.messagesPerTurn,
    appendedBytes: average.bytesPerTurn,
  };
  const calibrated = costOfTurn(turn, parameters);
  const cost = { ...calibrated, cpuMicroseconds: calibrated.cpuMicroseconds * measured.cpuFactor };
  const replicatedBytes = sumOfTurn(turn, (call) => measured.replicated[call]);
  const usableBytes = (assumptions.shardGiB * 2 ** 30 * assumptions.usableMemory) / measured.fragmentation;
  const shardsByMemory = fewestShards(
    (shards) => (memory(shards) / shards) * expectedUnevenness(users, shards, variation.bytes) <= usableBytes,
  );
  const cpuSeconds = (peakTurnsPerSecond * cost.cpuMicroseconds) / 1_000_000;
  const activeUsers = peakTurnsPerSecond * assumptions.secondsBetweenTurns;
  const shardsByCpu = fewestShards(
    (shards) => (cpuSeconds / shards) * expectedUnevenness(users, shards, variation.turns) <= assumptions.usableCpu,
  );
  const most = Math.max(shardsByMemory, shardsByCpu);
  // A Cluster has three shards at least.
  const shards = most === 1 ? 1 : Math.max(3, most);
  return {
    conversations,
    users,
    bytes: memory(shards),
    shardsByMemory,
    shardsByCpu,
    shards,
    bound: shardsByCpu > shardsByMemory ? "processor time" : "memory",
    nodes: shards * (1 + assumptions.replicas),
    turnsPerSecond,
    peakTurnsPerSecond,
    activeUsers,
    liveSessions,
    cost,
    replicatedBytes,
    peakBytesIn: peakTurnsPerSecond * cost.bytesIn,
    peakBytesOut: peakTurnsPerSecond * cost.bytesOut,
    peakReplicatedBytes: peakTurnsPerSecond * replicatedBytes * assumptions.replicas,
    average,
  };
}

function fewestShards(enough: (shards: number) => boolean): number {
  let most = 1;
  while (!enough(most)) {
    most *= 2;
    if (most > 16_384) throw new Error("More shards than a Cluster has slots.");
  }
  let least = Math.floor(most / 2);
  while (most - least > 1) {
    const middle = Math.floor((most + least) / 2);
    if (enough(middle)) most = middle;
    else least = middle;
  }
  return most;
}

/** Every conversation belongs to a user; a standalone history has a list and nothing else. */
function populationOf(
  { conversations, users, liveSessions }: { conversations: number; users: number; liveSessions: number },
  average: AverageConversation,
  world: World,
): Population {
  const census = new Census();
  const bytes = (average.messages * average.bytesPerTurn) / average.messagesPerTurn;
  const remembered = users * world.remembered;
  census.add({ kind: "session", items: 1, bytes: 0 }, liveSessions);
  census.add({ kind: "sessions of a user", items: 1, bytes: 0 }, liveSessions);
  census.add({ kind: "conversation", items: 1, bytes: 0 }, conversations);
  census.add({ kind: "messages", items: average.messages, bytes }, conversations);
  census.add({ kind: "conversations of a user", items: average.conversationsPerUser, bytes: 0 }, users);
  const valueBytes = average.valuesPerMemory * (average.valueBytes + "fact-0".length);
  census.add({ kind: "memory values", items: average.valuesPerMemory, bytes: valueBytes }, remembered);
  for (const kind of ["memory usage", "memory writes", "memories of a user"] as const) {
    census.add({ kind, items: 1, bytes: 0 }, remembered);
  }
  return census.population;
}

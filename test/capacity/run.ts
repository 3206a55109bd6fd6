import type { Redis } from "ioredis";
import { describeMachine, type Machine } from "../bench/machine.js";
import { Progress } from "../bench/measure/progress.js";
import { seededRandom } from "../bench/measure/random.js";
import { type Effort, fitCalls, LANES, type MeasuredCall, measureCalls } from "./measure/calibrate-calls.js";
import { calibrateMemory } from "./measure/calibrate-memory.js";
import { type FormSizes, measureForms } from "./measure/forms.js";
import { type Inspected, inspect } from "./measure/inspect.js";
import { type Loaded, load } from "./measure/load.js";
import { type Server, startServer, type Topology, topologies } from "./measure/server.js";
import { measureReplication, type ReplicatedCall } from "./measure/replication.js";
import { measureSettings, type SettingEffect } from "./measure/settings.js";
import type { Parameters } from "./model/parameters.js";
import { type SimulationPlan, simulate, type Unevenness } from "./simulation/unevenness.js";
import { textOf } from "./workload/text.js";
import { world, type World } from "./workload/world.js";

export interface Plan {
  readonly conversations: number;
  readonly calibrationUsers: number;
  readonly effort: Effort;
  readonly settingsConversations: number;
  /** How many conversations are stored in each form: plain, compressed, sealed and both. */
  readonly formConversations: number;
  readonly simulation: SimulationPlan;
}

export const fullPlan: Plan = {
  conversations: 200_000,
  calibrationUsers: 240,
  effort: { rounds: 5, callsPerRound: 400 },
  settingsConversations: 1_000,
  formConversations: 2_000,
  simulation: { owners: [20_000, 100_000], shards: [3, 30, 300], seeds: 20 },
};

/** One topology: what small data taught the model, and what the large run found, which the model has not seen. */
export interface TopologyFindings {
  readonly topology: Topology;
  readonly parameters: Parameters;
  readonly calls: readonly MeasuredCall[];
  readonly inspected: Inspected;
}

/** All that a run found. What follows from it is worked out when the page is written. */
export interface Findings {
  readonly machine: Omit<Machine, "packages">;
  readonly plan: Plan;
  readonly world: World;
  readonly topologies: readonly TopologyFindings[];
  readonly replication: readonly ReplicatedCall[];
  readonly settings: readonly SettingEffect[];
  readonly simulation: readonly Unevenness[];
  /** In English. Absent in what an older version found. */
  readonly forms?: readonly FormSizes[];
  /** The same in the made-up words of the large run. */
  readonly formsOfMadeUpWords?: readonly FormSizes[];
}

const SEEDS = { calibration: 1, owners: 2, texts: 3, samples: 4 };

export async function runCapacity(plan: Plan): Promise<Findings> {
  const progress = new Progress(topologies.length * 3 + 4);
  const onPart = (part: number): void => progress.advance(part);
  const calibrated: Pick<TopologyFindings, "parameters" | "calls">[] = [];
  for (const topology of topologies) {
    progress.begin(`${topology}: single keys and single calls`);
    calibrated.push(await calibrate(topology, plan));
  }
  progress.begin("settings of Redis");
  const replication = await measureReplication(plan.effort.callsPerRound);
  const settings = await measureSettings({
    world,
    conversations: plan.settingsConversations,
    effort: plan.effort,
    onPart,
  });
  progress.begin("compressed and sealed");
  const forms = await measureForms(plan.formConversations);
  const formsOfMadeUpWords = await measureForms(plan.formConversations, textOf);
  progress.begin("simulation");
  const simulation = simulate(plan.simulation, world, onPart);

  const { machine, inspected } = await fillAndInspect(plan, progress);
  progress.end();
  return {
    machine,
    plan,
    world,
    topologies: topologies.map((topology, index) => ({
      topology,
      ...(calibrated[index] as (typeof calibrated)[number]),
      inspected: inspected[index] as Inspected,
    })),
    replication,
    settings,
    simulation,
    forms,
    formsOfMadeUpWords,
  };
}

/** Both are filled before either is looked at: meanwhile the operation ids of the first are forgotten. */
async function fillAndInspect(
  { conversations }: Plan,
  progress: Progress,
): Promise<{ machine: Findings["machine"]; inspected: Inspected[] }> {
  const servers: Server[] = [];
  try {
    const loaded: Loaded[] = [];
    for (const topology of topologies) {
      progress.begin(`${topology}: ${conversations.toLocaleString("en")} conversations`);
      const server = await startServer(topology, LANES);
      servers.push(server);
      const [owners, texts] = [seededRandom(SEEDS.owners), seededRandom(SEEDS.texts)];
      const onPart = (part: number): void => progress.advance(part);
      loaded.push(await load(server, { conversations, world, owners, texts, onPart }));
    }
    const inspected: Inspected[] = [];
    for (const one of loaded) {
      progress.begin(`${one.server.topology}: until its operation ids are forgotten, then a look`);
      inspected.push(await inspect(one, world, seededRandom(SEEDS.samples)));
    }
    const { packages: _, ...machine } = await describeMachine((servers[0] as Server).nodes[0] as Redis);
    return { machine, inspected };
  } finally {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  }
}

/** On a server of its own, with little in it. */
async function calibrate(
  topology: Topology,
  { calibrationUsers, effort }: Pick<Plan, "calibrationUsers" | "effort">,
): Promise<Pick<TopologyFindings, "parameters" | "calls">> {
  await using server = await startServer(topology, LANES);
  const random = seededRandom(SEEDS.calibration);
  const memory = await calibrateMemory(server, world, calibrationUsers, random);
  const calls = await measureCalls(server, effort, random);
  return { parameters: { memory, calls: fitCalls(calls) }, calls };
}

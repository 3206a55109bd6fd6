import { Redis } from "ioredis";
import { startRedis } from "langchain-redis-sessions/testing";
import { type AnswerFindings, measureAnswers } from "./answers/measure.js";
import { type ColdFindings, measureCold } from "./cold/measure.js";
import { type Bytes, measureBytes } from "./counts/bytes.js";
import { type Cpu, measureCpu } from "./counts/cpu.js";
import { countRoundTrips, type RoundTrips } from "./counts/round-trips.js";
import { serverMicroseconds, type SlowCommand, SlowLog } from "./counts/server.js";
import { type GraphFindings, measureGraphs } from "./graphs/measure.js";
import { describeMachine, type Machine } from "./machine.js";
import { compare, type Result } from "./measure/compare.js";
import { Progress } from "./measure/progress.js";
import { seededRandom } from "./measure/random.js";
import { median } from "./measure/statistics.js";
import { openClients } from "./network/clients.js";
import { networkTo } from "./network/network.js";
import { measurePrivate, type PrivateFindings } from "./private/measure.js";
import { type Condition, type Plan, workloads } from "./plan.js";
import { measureTelemetry } from "./telemetry/measure.js";
import type { Workload } from "./workloads/workload.js";

/** One comparison under one condition. */
export interface Timing extends Condition {
  readonly workload: string;
  readonly results: readonly Result[];
}

/** All that a run found. */
export interface Findings {
  readonly machine: Machine;
  readonly plan: Plan & { readonly seed: number };
  /** Milliseconds of a PING, by the milliseconds that were asked for. */
  readonly pings: Readonly<Record<string, number>>;
  readonly timings: readonly Timing[];
  readonly cpu: readonly Cpu[];
  readonly bytes: readonly Bytes[];
  readonly roundTrips: readonly RoundTrips[];
  readonly slow: readonly SlowCommand[];
  /** Absent in what an older version found. */
  readonly graphs?: GraphFindings;
  readonly answers?: AnswerFindings;
  readonly private?: PrivateFindings;
  readonly cold?: ColdFindings;
  readonly telemetry?: readonly Timing[];
}

export const SEED = 7;

/** @param kept what is measured by itself, and is not measured again. */
export async function runBenchmark(
  plan: Plan,
  kept: Partial<Pick<Findings, "graphs" | "answers">> = {},
): Promise<Findings> {
  await using redis = await startRedis({ args: ["--save", ""] });
  const random = seededRandom(SEED);
  const progress = new Progress(comparisonsOf(plan).length + 6);

  progress.begin("round trips, bytes and processor time");
  const roundTrips = await countRoundTrips(redis);
  const clients = await openClients(redis.url);
  await clients.ioredis.flushall();
  const bytes = await measureBytes(clients, plan.byteLengths, random);
  const machine = await describeMachine(clients.ioredis);
  await clients.close();
  const cpu = measureCpu(plan.cpuRounds, random);
  progress.begin("agents with a checkpointer");
  const graphs = kept.graphs ?? (await measureGraphs(plan.graphs, plan, random));
  progress.begin("answers in flight");
  const answers = kept.answers ?? (await measureAnswers(plan.answers, random));
  progress.begin("encryption and compression");
  const privateFindings = await measurePrivate(plan.private, plan, random);

  progress.begin("cold starts");
  const cold = await measureCold(redis, plan.cold, random);
  progress.begin("telemetry");
  const telemetry = await measureTelemetry(redis, plan.telemetry, plan, random);

  const observer = new Redis(redis.url);
  const slowLog = new SlowLog(observer);
  const timings: Timing[] = [];
  const pings: Record<string, number> = {};
  for (const delay of new Set(plan.conditions.map(({ delayMilliseconds }) => delayMilliseconds))) {
    const network = await networkTo(redis, delay);
    pings[delay] = await ping(network.url);
    for (const comparison of comparisonsOf(plan).filter(({ condition }) => condition.delayMilliseconds === delay)) {
      timings.push(await timing(comparison, { plan, random, url: network.url, observer, slowLog, progress }));
    }
    network.close();
  }
  observer.disconnect();
  progress.end();
  return {
    machine,
    plan: { ...plan, seed: SEED },
    pings,
    timings,
    cpu,
    bytes,
    roundTrips,
    slow: slowLog.commands,
    graphs,
    answers,
    private: privateFindings,
    cold,
    telemetry,
  };
}

interface Comparison {
  readonly condition: Condition;
  readonly workload: Workload;
}

function comparisonsOf({ conditions }: Plan): Comparison[] {
  return conditions.flatMap((condition) =>
    workloads
      .filter(({ mostSessions }) => condition.sessions <= mostSessions)
      .map((workload) => ({ workload, condition })),
  );
}

async function timing(
  { workload, condition }: Comparison,
  {
    plan,
    random,
    url,
    observer,
    slowLog,
    progress,
  }: { plan: Plan; random: () => number; url: string; observer: Redis; slowLog: SlowLog; progress: Progress },
): Promise<Timing> {
  const { delayMilliseconds, sessions } = condition;
  progress.begin(`${workload.title}; ${delayMilliseconds} ms, ${sessions} at once`);
  const clients = await openClients(url);
  await clients.ioredis.flushall();
  const candidates = await workload.candidates(clients, sessions);
  const onRound = (): void => progress.advance(1 / (plan.warmUpRounds + plan.rounds));
  const results = await slowLog.watch(() =>
    compare(candidates, workload.baselines, {
      ...plan,
      sessions,
      random,
      serverMicroseconds: () => serverMicroseconds(observer),
      onRound,
    }),
  );
  await clients.close();
  return { workload: workload.name, delayMilliseconds, sessions, results };
}

async function ping(url: string): Promise<number> {
  const clients = await openClients(url);
  const durations: number[] = [];
  for (let count = 0; count < 200; count++) {
    const start = performance.now();
    await clients.ioredis.ping();
    durations.push(performance.now() - start);
  }
  await clients.close();
  return median(durations);
}

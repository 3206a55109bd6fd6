import { Redis } from "ioredis";
import { startRedis } from "langchain-redis-sessions/testing";
import { describeMachine, type Machine } from "../machine.js";
import { shuffled } from "../measure/random.js";
import { median } from "../measure/statistics.js";
import { type AskerRoundTrips, type AskerTiming, type Asking, countAskerRoundTrips, measureAsker } from "./asker.js";
import { type AnswerCosts, countAnswer, type Speech } from "./commands.js";
import { type Killed, type Killing, measureKilled } from "./killed.js";
import { type Lag, measureLags } from "./lag.js";
import { type Beat, type Crowd, Pair } from "./pair.js";
import { candidates } from "./streams.js";

export interface AnswerPlan {
  readonly asking: readonly Asking[];
  readonly askerRounds: number;
  readonly speech: Speech;
  readonly lag: Beat;
  readonly lagRounds: number;
  /** How many answers run at once. */
  readonly crowds: readonly number[];
  readonly crowd: Beat;
  readonly crowdRounds: number;
  readonly killing: Killing;
}

export interface AnswerFindings {
  /** They may be measured on another day than the rest. */
  readonly machine: Machine;
  /** Milliseconds of a PING. */
  readonly ping: number;
  readonly asker: readonly AskerTiming[];
  readonly roundTrips: AskerRoundTrips;
  readonly costs: readonly AnswerCosts[];
  readonly lags: readonly Lag[];
  readonly crowds: readonly Crowd[];
  readonly crowdRounds: number;
  readonly killed: readonly Killed[];
}

/** Measured on a server of its own, so that its counts are those of one candidate. */
export async function measureAnswers(plan: AnswerPlan, random: () => number): Promise<AnswerFindings> {
  await using redis = await startRedis({ args: ["--save", ""] });
  const { url } = redis;
  const client = new Redis(url);
  const machine = await describeMachine(client);
  const ping = await pingOf(client);
  client.disconnect();

  const asker: AskerTiming[] = [];
  for (const asking of plan.asking) {
    asker.push(await measureAsker(redis, asking, { rounds: plan.askerRounds, random }));
  }
  const [asking] = plan.asking;
  if (asking === undefined) throw new Error("Nothing is to be asked.");
  const roundTrips = await countAskerRoundTrips(redis, asking);
  const costs: AnswerCosts[] = [];
  for (const followers of [0, 1]) {
    for (const candidate of Object.keys(candidates)) {
      costs.push(await countAnswer(redis, candidate, plan.speech, followers));
    }
  }
  const pairs = await Promise.all(Object.keys(candidates).map((candidate) => Pair.start(candidate, url)));
  const lags = await measureLags(pairs, plan.lag, { rounds: plan.lagRounds, random });
  const crowds: Crowd[] = [];
  for (const answers of plan.crowds) {
    const rounds = new Map(pairs.map((pair) => [pair, [] as Crowd[]]));
    for (let round = 0; round < plan.crowdRounds; round++) {
      for (const pair of shuffled(pairs, random)) rounds.get(pair)?.push(await pair.measure(answers, plan.crowd));
    }
    crowds.push(...[...rounds.values()].map(middle));
  }
  for (const pair of pairs) await pair.close();
  const killed = await measureKilled(url, plan.killing);
  return { machine, ping, asker, roundTrips, costs, lags, crowds, crowdRounds: plan.crowdRounds, killed };
}

/** Returns the round whose p99 is in the middle. */
function middle(rounds: readonly Crowd[]): Crowd {
  return rounds.toSorted((one, other) => one.p99 - other.p99)[(rounds.length - 1) >> 1] as Crowd;
}

async function pingOf(client: Redis): Promise<number> {
  const durations: number[] = [];
  for (let count = 0; count < 200; count++) {
    const start = performance.now();
    await client.ping();
    durations.push(performance.now() - start);
  }
  return median(durations);
}

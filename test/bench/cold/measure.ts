import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import type { RunningRedis } from "langchain-redis-sessions/testing";
import { readFrom } from "../build.js";
import { shuffled } from "../measure/random.js";
import { median, pairedRatio, type Ratio } from "../measure/statistics.js";
import { COMMUNITY, OURS } from "../workloads/names.js";

const run = promisify(execFile);
const root = path.join(import.meta.dirname, "../../..");

/** What each program does after it has imported what it needs: it connects, reads, and appends a turn. */
const work = `
  const history = open(new Redis(process.argv[1]));
  const { HumanMessage, AIMessage } = await import("@langchain/core/messages");
  await history.getMessages();
  await history.addMessages([new HumanMessage("Hi"), new AIMessage("Hello")]);
  process.exit(0);
`;

const ownEntry = readFrom === "src" ? path.join(root, "src/index.ts") : "langchain-redis-sessions";

/** The class of each candidate, and the name of its option for the TTL. */
const histories = {
  [OURS]: { from: ownEntry, ttl: "ttl" },
  [COMMUNITY]: { from: "@langchain/community/stores/message/ioredis", ttl: "sessionTTL" },
} as const;

/**
 * The order of two imports decides whether V8 collects garbage once more before a program begins. Such a collection takes
 * longer than this library takes to load. So each program is measured in both orders.
 */
const orders = ["client first", "history first"] as const;
type Order = (typeof orders)[number];

function programOf({ from, ttl }: { from: string; ttl: string }, order: Order): string {
  const client = 'import { Redis } from "ioredis";';
  const history = `import { RedisChatMessageHistory } from ${JSON.stringify(from)};`;
  return `
    ${order === "client first" ? client + history : history + client}
    const open = (client) => new RedisChatMessageHistory({ client, sessionId: crypto.randomUUID(), ${ttl}: 60 });
    ${work}`;
}

export interface ColdPlan {
  /** A round starts every program once in each order of its imports. The sequence is random. */
  readonly rounds: number;
}

/** What whole processes took, from their start to their end: medians of the rounds, each the mean of both orders. */
export interface ColdFindings {
  readonly rounds: number;
  readonly programs: readonly { readonly candidate: string; readonly milliseconds: number }[];
  /** Of ours by the peer's, each over both orders of a round. */
  readonly ratio: Ratio;
  /** The same in each order alone. */
  readonly byOrder: readonly { readonly order: Order; readonly ratio: Ratio }[];
}

/** Starts whole processes, as a serverless function does. The first round, which fills the caches of files, does not count. */
export async function measureCold(redis: RunningRedis, plan: ColdPlan, random: () => number): Promise<ColdFindings> {
  const runs = Object.entries(histories).flatMap(([candidate, history]) =>
    orders.map((order) => ({ candidate, order, program: programOf(history, order), durations: [] as number[] })),
  );
  for (let round = 0; round <= plan.rounds; round++) {
    for (const { program, durations } of shuffled(runs, random)) {
      const began = performance.now();
      const loader = readFrom === "src" ? ["--import", "tsx"] : [];
      await run(process.execPath, [...loader, "--input-type=module", "--eval", program, redis.url], { cwd: root });
      if (round > 0) durations.push(performance.now() - began);
    }
  }
  const durationsOf = (candidate: string, order: Order): number[] =>
    runs.find((one) => one.candidate === candidate && one.order === order)?.durations ?? [];
  const perRound = (candidate: string): number[] =>
    durationsOf(candidate, "client first").map(
      (first, round) => (first + (durationsOf(candidate, "history first")[round] ?? Number.NaN)) / orders.length,
    );
  return {
    rounds: plan.rounds,
    programs: Object.keys(histories).map((candidate) => ({ candidate, milliseconds: median(perRound(candidate)) })),
    ratio: pairedRatio(perRound(OURS), perRound(COMMUNITY)),
    byOrder: orders.map((order) => ({
      order,
      ratio: pairedRatio(durationsOf(OURS, order), durationsOf(COMMUNITY, order)),
    })),
  };
}

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

/** The two imports of a program, in the order in which it names them. */
const imports: Readonly<Record<string, readonly [client: string, history: string]>> = {
  [OURS]: ['import { Redis } from "ioredis";', `import { RedisChatMessageHistory } from ${JSON.stringify(ownEntry)};`],
  [COMMUNITY]: [
    'import { Redis } from "ioredis";',
    'import { RedisChatMessageHistory } from "@langchain/community/stores/message/ioredis";',
  ],
};

const ttl: Readonly<Record<string, string>> = { [OURS]: "ttl", [COMMUNITY]: "sessionTTL" };

/**
 * The order of two imports decides whether V8 collects garbage once more before a program begins, which takes longer than
 * to load this library. So each program is measured in both.
 */
const orders = ["client first", "history first"] as const;
type Order = (typeof orders)[number];

function programOf(candidate: string, order: Order): string {
  const lines = imports[candidate] ?? [];
  return `
    ${(order === "client first" ? lines : lines.toReversed()).join("\n")}
    const open = (client) => new RedisChatMessageHistory({ client, sessionId: crypto.randomUUID(), ${ttl[candidate]}: 60 });
    ${work}`;
}

export interface ColdPlan {
  /** Of which each starts every program once in each order, in another sequence. */
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
  const candidates = Object.keys(imports);
  const runs = candidates.flatMap((candidate) =>
    orders.map((order) => ({ candidate, order, program: programOf(candidate, order), durations: [] as number[] })),
  );
  for (let round = 0; round <= plan.rounds; round++) {
    for (const { program, durations } of shuffled(runs, random)) {
      const began = performance.now();
      const loader = readFrom === "src" ? ["--import", "tsx"] : [];
      await run(process.execPath, [...loader, "--input-type=module", "--eval", program, redis.url], { cwd: root });
      if (round > 0) durations.push(performance.now() - began);
    }
  }
  const seriesOf = (candidate: string): number[][] =>
    runs.filter((one) => one.candidate === candidate).map(({ durations }) => durations);
  const perRound = (candidate: string): number[] =>
    Array.from({ length: plan.rounds }, (_, round) =>
      seriesOf(candidate).reduce((sum, durations) => sum + (durations[round] ?? Number.NaN) / orders.length, 0),
    );
  return {
    rounds: plan.rounds,
    programs: candidates.map((candidate) => ({ candidate, milliseconds: median(perRound(candidate)) })),
    ratio: pairedRatio(perRound(OURS), perRound(COMMUNITY)),
    byOrder: orders.map((order, index) => ({
      order,
      ratio: pairedRatio(seriesOf(OURS)[index] ?? [], seriesOf(COMMUNITY)[index] ?? []),
    })),
  };
}

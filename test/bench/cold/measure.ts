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

const programs: Readonly<Record<string, string>> = {
  [OURS]: `
    import { Redis } from "ioredis";
    import { RedisChatMessageHistory } from ${JSON.stringify(ownEntry)};
    const open = (client) => new RedisChatMessageHistory({ client, sessionId: crypto.randomUUID(), ttl: 60 });
    ${work}`,
  [COMMUNITY]: `
    import { Redis } from "ioredis";
    import { RedisChatMessageHistory } from "@langchain/community/stores/message/ioredis";
    const open = (client) => new RedisChatMessageHistory({ client, sessionId: crypto.randomUUID(), sessionTTL: 60 });
    ${work}`,
};

export interface ColdPlan {
  /** Of which each starts every program once, in another order. */
  readonly rounds: number;
}

/** What whole processes took, from their start to their end. */
export interface ColdFindings {
  readonly rounds: number;
  readonly programs: readonly { readonly candidate: string; readonly milliseconds: number }[];
  /** Of ours by the peer's, in pairs. */
  readonly ratio: Ratio;
}

/** Starts whole processes, as a serverless function does. The first round, which fills the caches of files, does not count. */
export async function measureCold(redis: RunningRedis, plan: ColdPlan, random: () => number): Promise<ColdFindings> {
  const durations = new Map(Object.keys(programs).map((name) => [name, [] as number[]]));
  for (let round = 0; round <= plan.rounds; round++) {
    for (const [name, program] of shuffled(Object.entries(programs), random)) {
      const began = performance.now();
      const loader = readFrom === "src" ? ["--import", "tsx"] : [];
      await run(process.execPath, [...loader, "--input-type=module", "--eval", program, redis.url], { cwd: root });
      if (round > 0) durations.get(name)?.push(performance.now() - began);
    }
  }
  return {
    rounds: plan.rounds,
    programs: [...durations].map(([candidate, all]) => ({ candidate, milliseconds: median(all) })),
    ratio: pairedRatio(durations.get(OURS) ?? [], durations.get(COMMUNITY) ?? []),
  };
}

import { randomUUID } from "node:crypto";
import { faultyProxy, startRedis } from "langchain-redis-sessions/testing";
import { Redis } from "ioredis";
import { describeMachine, type Machine } from "../machine.js";
import { compare, type Effort, type Result } from "../measure/compare.js";
import { quantile } from "../measure/statistics.js";
import { networkTo } from "../network/network.js";
import { allSavers, MEMORY_SAVER, type MeasuredSaver, OFFICIAL, redisSavers } from "./savers.js";
import { toolTurns } from "./tool-turns.js";

/** What a conversation of an agent with one call of a tool a turn costs, with one saver. */
interface GraphGrowth {
  readonly candidate: string;
  readonly turns: number;
  /** All that is kept then. */
  readonly bytes: number;
  /** What each of the latest half of the turns added. */
  readonly added: number;
  /** Of the last turn alone; undefined for what is not on Redis. */
  readonly commands?: number;
  readonly sent?: number;
  /** Milliseconds of the scripts of all turns so far, by `SLOWLOG`; undefined for what is not on Redis. */
  readonly scripts?: Scripts;
}

interface Scripts {
  readonly p99: number;
  /** Also that of a moment in which the server had lost the processor. */
  readonly longest: number;
}

/** Of a turn of a conversation that has had so many turns. */
export interface GraphTiming {
  readonly turns: number;
  readonly delayMilliseconds: number;
  readonly results: readonly Result[];
}

export interface GraphFindings {
  /** They may be measured on another day than the rest. */
  readonly machine: Machine;
  readonly growth: readonly GraphGrowth[];
  readonly timings: readonly GraphTiming[];
}

export interface GraphPlan {
  /** After how many turns a conversation is looked at. */
  readonly turns: readonly number[];
  /** How far away the server is in the comparison of round trips. */
  readonly delayMilliseconds: number;
}

/** Measured on a server of its own, so that its counts are those of one saver. */
export async function measureGraphs(
  { turns, delayMilliseconds }: GraphPlan,
  effort: Effort,
  random: () => number,
): Promise<GraphFindings> {
  await using redis = await startRedis({ args: ["--save", ""] });
  const asking = new Redis(redis.url);
  const machine = await describeMachine(asking);
  asking.disconnect();
  const growth: GraphGrowth[] = [];
  for (const open of allSavers) {
    await using proxy = await faultyProxy(redis);
    const measured = await open(proxy.url);
    growth.push(...(await grown(measured, turns, () => proxy.requests)));
    await measured.client?.flushall();
    measured.close();
  }

  const timings: GraphTiming[] = [];
  const compared = async (savers: typeof allSavers, length: number, delay: number): Promise<void> => {
    const network = await networkTo(redis, delay);
    const opened = await Promise.all(savers.map((open) => open(network.url)));
    const results = await compare(
      opened.map((measured) => candidate(measured, length)),
      [MEMORY_SAVER, OFFICIAL],
      {
        ...effort,
        // One turn a candidate and a round: a conversation that grows by many turns is another one.
        sliceMilliseconds: 0,
        sessions: 1,
        random,
        serverMicroseconds: async () => 0,
        onRound: () => {},
      },
    );
    timings.push({ turns: length, delayMilliseconds: delay, results });
    for (const { close } of opened) close();
    network.close();
    const client = new Redis({ host: redis.host, port: redis.port });
    await client.flushall();
    client.disconnect();
  };
  for (const length of turns) await compared(allSavers, length, 0);
  await compared(redisSavers, turns[0] ?? 1, delayMilliseconds);
  return { machine, growth, timings };
}

async function grown(
  measured: MeasuredSaver,
  turns: readonly number[],
  requests: () => number,
): Promise<GraphGrowth[]> {
  const { name, client } = measured;
  const take = toolTurns(measured, randomUUID());
  const found: GraphGrowth[] = [];
  await client?.config("SET", "slowlog-log-slower-than", 0, "slowlog-max-len", 100_000);
  await client?.slowlog("RESET");
  const bytes = new Map<number, number>();
  const seen = new Set(turns.flatMap((turn) => [Math.floor(turn / 2), turn]));
  for (let turn = 1; turn <= Math.max(...turns); turn++) {
    const [sentBefore, commandsBefore] = [client && (await received(client)), requests()];
    await take();
    const commands = requests() - commandsBefore;
    const sent = client && sentBefore !== undefined ? (await received(client)) - sentBefore : undefined;
    if (seen.has(turn)) bytes.set(turn, await measured.bytes());
    if (!turns.includes(turn)) continue;
    const half = Math.floor(turn / 2);
    const now = bytes.get(turn) ?? Number.NaN;
    found.push({
      candidate: name,
      turns: turn,
      bytes: now,
      added: (now - (bytes.get(half) ?? 0)) / (turn - half),
      ...(client && sent !== undefined && { commands, sent, scripts: await scriptsOf(client) }),
    });
  }
  return found;
}

/** The bytes that the server has received. Those of this question are among them, and are few. */
async function received(client: Redis): Promise<number> {
  const info = await client.info("stats");
  return Number(/^total_net_input_bytes:(\d+)/m.exec(info)?.[1] ?? Number.NaN);
}

async function scriptsOf(client: Redis): Promise<Scripts> {
  const log = (await client.slowlog("GET", 100_000)) as [number, number, microseconds: number, command: string[]][];
  const scripts = log.filter(([, , , [name = ""]]) => /^eval/i.test(name)).map(([, , microseconds]) => microseconds);
  if (scripts.length === 0) return { p99: 0, longest: 0 };
  return { p99: quantile(scripts, 0.99) / 1_000, longest: Math.max(...scripts) / 1_000 };
}

/** A turn at a time; each of another conversation, which has had so many turns, when they are quickly made. */
function candidate(measured: MeasuredSaver, turns: number): Parameters<typeof compare>[0][number] {
  let take: (() => Promise<unknown>) | undefined;
  return {
    name: measured.name,
    prepare: async () => {
      if (take !== undefined && turns > 20) return;
      take = toolTurns(measured, randomUUID());
      for (let turn = 0; turn < turns; turn++) await take();
    },
    run: () => take?.(),
  };
}

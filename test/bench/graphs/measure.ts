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
  readonly longest: number;
}

/**
 * In how many conversations each script is timed. The shortest time counts: in the others, the server may have lost the
 * processor while the script ran.
 */
const TIMED = 3;

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
  const { client } = measured;
  if (client === undefined) return grownOnce(measured, turns, requests);
  // The server learns the scripts, so that all of them have one name in the log.
  await toolTurns(measured, randomUUID())();
  const conversations: { found: GraphGrowth[]; scripts: Map<number, Timed[]> }[] = [];
  for (let count = 0; count < TIMED; count++) {
    await client.flushall();
    await client.config("SET", "slowlog-log-slower-than", 0, "slowlog-max-len", 100_000);
    await client.slowlog("RESET");
    const scripts = new Map<number, Timed[]>();
    const found = await grownOnce(measured, turns, requests, async (turn) => {
      scripts.set(turn, await timedScripts(client));
    });
    conversations.push({ found, scripts });
  }
  await client.flushall();
  const found: GraphGrowth[] = [];
  for (const one of conversations[0]?.found ?? []) {
    const shortest = shortestOf(conversations.map(({ scripts }) => scripts.get(one.turns) ?? []));
    const [p99, longest] = [quantile([0, ...shortest], 0.99) / 1_000, Math.max(0, ...shortest) / 1_000];
    found.push({ ...one, scripts: { p99, longest } });
  }
  return found;
}

async function grownOnce(
  measured: MeasuredSaver,
  turns: readonly number[],
  requests: () => number,
  onSeen: (turn: number) => Promise<void> = async () => {},
): Promise<GraphGrowth[]> {
  const { name, client } = measured;
  const take = toolTurns(measured, randomUUID());
  const found: GraphGrowth[] = [];
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
      ...(sent !== undefined && { commands, sent }),
    });
    await onSeen(turn);
  }
  return found;
}

/** The bytes that the server has received. Those of this question are among them, and are few. */
async function received(client: Redis): Promise<number> {
  const info = await client.info("stats");
  return Number(/^total_net_input_bytes:(\d+)/m.exec(info)?.[1] ?? Number.NaN);
}

/** A script that ran: its name in the log, and for how many microseconds it ran. */
interface Timed {
  readonly script: string;
  readonly microseconds: number;
}

/** The scripts so far, in their order. */
async function timedScripts(client: Redis): Promise<Timed[]> {
  const log = (await client.slowlog("GET", 100_000)) as [number, number, microseconds: number, command: string[]][];
  return log
    .filter(([, , , [name = ""]]) => /^eval/i.test(name))
    .map(([, , microseconds, [, script = ""]]) => ({ script, microseconds }))
    .toReversed();
}

/** The shortest time of each script that ran in all conversations: the first run of a script, the second, and so on. */
function shortestOf(conversations: readonly (readonly Timed[])[]): number[] {
  const shortest = new Map<string, number>();
  for (const timed of conversations) {
    const runs = new Map<string, number>();
    for (const { script, microseconds } of timed) {
      const run = runs.get(script) ?? 0;
      runs.set(script, run + 1);
      const name = `${script} ${run}`;
      shortest.set(name, Math.min(shortest.get(name) ?? microseconds, microseconds));
    }
  }
  return [...shortest.values()];
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

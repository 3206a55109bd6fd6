import type { Redis } from "ioredis";

/** What Redis says of itself: numbers by name, as `INFO` has them. */
export async function info(node: Redis, section: string): Promise<Readonly<Record<string, number>>> {
  const text = await node.info(section);
  return Object.fromEntries(
    text.split("\r\n").flatMap((line) => {
      const [name = "", value = ""] = line.split(":");
      return value === "" || Number.isNaN(Number(value)) ? [] : [[name, Number(value)] as const];
    }),
  );
}

/** What a server has used up since it began. */
export interface Usage {
  /** Of processor time, in the kernel too: not of the clock, which runs on while other programs have the core. */
  readonly cpuMicroseconds: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** Of all nodes together. */
export async function usageOf(nodes: readonly Redis[]): Promise<Usage> {
  const found = await Promise.all(
    nodes.map(async (node) => ({ ...(await info(node, "cpu")), ...(await info(node, "stats")) })),
  );
  const sum = (...names: string[]): number =>
    found.reduce((total, one) => total + names.reduce((part, name) => part + (one[name] ?? 0), 0), 0);
  return {
    cpuMicroseconds: Math.round(sum("used_cpu_user", "used_cpu_sys") * 1_000_000),
    bytesIn: sum("total_net_input_bytes"),
    bytesOut: sum("total_net_output_bytes"),
  };
}

export function usageBetween(before: Usage, after: Usage, operations: number): Usage {
  return {
    cpuMicroseconds: (after.cpuMicroseconds - before.cpuMicroseconds) / operations,
    bytesIn: (after.bytesIn - before.bytesIn) / operations,
    bytesOut: (after.bytesOut - before.bytesOut) / operations,
  };
}

/** What the commands of clients were, and how long they ran: by the clock, which a busy machine makes longer. */
export interface CommandUse {
  readonly commands: number;
  readonly commandMicroseconds: number;
}

/** Of all nodes together. */
export interface CommandTotals {
  readonly scripts: CommandUse;
  readonly reads: CommandUse;
}

export async function commandsOf(nodes: readonly Redis[]): Promise<CommandTotals> {
  const found = await Promise.all(nodes.map((node) => node.info("commandstats")));
  const lines = [...found.join("\n").matchAll(/^cmdstat_(\w+):calls=(\d+),usec=(\d+)/gm)];
  const sum = (belongs: (name: string) => boolean): CommandUse =>
    lines
      .filter(([, name = ""]) => belongs(name))
      .reduce(
        (total, [, , calls, microseconds]) => ({
          commands: total.commands + Number(calls),
          commandMicroseconds: total.commandMicroseconds + Number(microseconds),
        }),
        { commands: 0, commandMicroseconds: 0 },
      );
  const scripts: ReadonlySet<string> = new Set(["eval", "evalsha"]);
  // INFO is what this asks itself.
  return { scripts: sum((name) => scripts.has(name)), reads: sum((name) => name !== "info") };
}

/** What a script calls is counted by Redis once more under its own name: where scripts ran, they are all there was. */
export function commandsBetween(before: CommandTotals, after: CommandTotals, operations: number): CommandUse {
  const of = after.scripts.commands > before.scripts.commands ? "scripts" : "reads";
  return {
    commands: (after[of].commands - before[of].commands) / operations,
    commandMicroseconds: (after[of].commandMicroseconds - before[of].commandMicroseconds) / operations,
  };
}

/** The memory of a node. */
export interface Memory {
  readonly keys: number;
  readonly usedMemory: number;
  readonly usedMemoryDataset: number;
  readonly residentMemory: number;
  /** What Redis holds of the system's memory per byte that it asked for. */
  readonly allocatorFragmentation: number;
  /** Keys, values and the tables that find them: without connections, scripts and what an empty server takes. */
  readonly keyBytes: number;
}

export async function memoryOf(node: Redis): Promise<Memory> {
  const memory = await info(node, "memory");
  const stats = await memoryStats(node);
  return {
    keys: await node.dbsize(),
    usedMemory: memory["used_memory"] ?? 0,
    usedMemoryDataset: memory["used_memory_dataset"] ?? 0,
    residentMemory: memory["used_memory_rss"] ?? 0,
    allocatorFragmentation: memory["allocator_frag_ratio"] ?? 1,
    keyBytes: stats,
  };
}

async function memoryStats(node: Redis): Promise<number> {
  const stats = fields(await node.memory("STATS"));
  const tables = fields(stats.get("db.0") ?? []);
  const parts = [
    stats.get("dataset.bytes"),
    ...["overhead.hashtable.main", "overhead.hashtable.expires"].map((name) => tables.get(name)),
  ];
  return parts.reduce((total: number, part) => total + Number(part ?? 0), 0);
}

/** A map, as RESP2 and RESP3 have it. */
function fields(reply: unknown): Map<unknown, unknown> {
  if (reply instanceof Map) return reply;
  if (!Array.isArray(reply)) return new Map(Object.entries(reply as object));
  return new Map(
    Array.from({ length: reply.length / 2 }, (_, index) => [reply[index * 2], reply[index * 2 + 1]] as const),
  );
}

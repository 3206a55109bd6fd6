import type { Redis } from "ioredis";

/** Commands that kept the server, and everybody else, for longer than a millisecond. */
export interface SlowCommand {
  /** As in `SLOWLOG`; EVALSHA and EVAL are this library's scripts. */
  readonly command: string;
  readonly times: number;
  readonly longestMilliseconds: number;
}

const SLOW_MICROSECONDS = 1_000;

export async function watchSlowCommands(redis: Redis): Promise<void> {
  await redis.config("SET", "slowlog-log-slower-than", SLOW_MICROSECONDS, "slowlog-max-len", 100_000);
  await redis.slowlog("RESET");
}

export async function slowCommands(redis: Redis): Promise<SlowCommand[]> {
  const log = (await redis.slowlog("GET", 100_000)) as [id: number, at: number, microseconds: number, args: string[]][];
  const found = new Map<string, number[]>();
  for (const [, , microseconds, [name = ""]] of log) {
    const command = name.toUpperCase();
    found.set(command, [...(found.get(command) ?? []), microseconds / 1_000]);
  }
  return [...found]
    .map(([command, times]) => ({ command, times: times.length, longestMilliseconds: Math.max(...times) }))
    .toSorted((one, other) => other.longestMilliseconds - one.longestMilliseconds);
}

/** Microseconds of processor time that the server has used since it started. */
export async function serverMicroseconds(redis: Redis): Promise<number> {
  const info = await redis.info("cpu");
  const seconds = (name: string): number => Number(new RegExp(`^${name}:(\\S+)`, "m").exec(info)?.[1] ?? Number.NaN);
  return (seconds("used_cpu_user") + seconds("used_cpu_sys")) * 1_000_000;
}

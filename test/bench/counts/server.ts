import type { Redis } from "ioredis";

/** Commands that kept the server, and everybody else, for longer than a millisecond. */
export interface SlowCommand {
  /** As in `SLOWLOG`; EVALSHA and EVAL are this library's scripts. */
  readonly command: string;
  readonly times: number;
  readonly longestMilliseconds: number;
}

const SLOW_MICROSECONDS = 1_000;
const MAX_ENTRIES = 10_000;
type LogEntry = [id: number, at: number, microseconds: number, commandAndArguments: string[]];

/** What `SLOWLOG` has of the time while it is asked to look. */
export class SlowLog {
  readonly #redis: Redis;
  readonly #found = new Map<string, number[]>();

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  async watch<Value>(work: () => Promise<Value>): Promise<Value> {
    await this.#redis.config("SET", "slowlog-log-slower-than", SLOW_MICROSECONDS, "slowlog-max-len", MAX_ENTRIES);
    await this.#redis.slowlog("RESET");
    const value = await work();
    const log = (await this.#redis.slowlog("GET", MAX_ENTRIES)) as LogEntry[];
    for (const [, , microseconds, [name = ""]] of log) {
      const command = name.toUpperCase();
      this.#found.set(command, [...(this.#found.get(command) ?? []), microseconds / 1_000]);
    }
    return value;
  }

  get commands(): SlowCommand[] {
    return [...this.#found]
      .map(([command, times]) => ({ command, times: times.length, longestMilliseconds: Math.max(...times) }))
      .toSorted((one, other) => other.times - one.times);
  }
}

/** Microseconds of processor time that the server has used since it started. */
export async function serverMicroseconds(redis: Redis): Promise<number> {
  const info = await redis.info("cpu");
  const seconds = (name: string): number => Number(new RegExp(`^${name}:(\\S+)`, "m").exec(info)?.[1] ?? Number.NaN);
  return (seconds("used_cpu_user") + seconds("used_cpu_sys")) * 1_000_000;
}

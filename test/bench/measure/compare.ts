import { shuffled } from "./random.js";
import { median, pairedRatio, quantile, type Ratio } from "./statistics.js";

/** One of those that do the same. */
export interface Candidate {
  readonly name: string;
  /** Makes ready for so many operations; its time does not count. */
  readonly prepare?: (operations: number) => Promise<unknown>;
  /** One operation, on behalf of one of the concurrent sessions, which are numbered from 0. */
  readonly run: (session: number) => unknown;
}

export interface Effort {
  /** How many rounds come first and do not count. */
  readonly warmUpRounds: number;
  /** How many rounds count; fewer, but at least 9, of a comparison that takes longer than `mostSeconds`. */
  readonly rounds: number;
  readonly mostSeconds: number;
  /** How long a candidate's part of a round takes, about. */
  readonly sliceMilliseconds: number;
}

export interface Result {
  readonly candidate: string;
  /** Milliseconds that one operation took, as its session saw it. */
  readonly median: number;
  readonly p99: number;
  /** Operations a second, of all sessions together: the median round. */
  readonly perSecond: number;
  readonly operations: number;
  readonly rounds: number;
  /** Processor time of one operation, here and in the server: the median round. */
  readonly clientMicroseconds: number;
  readonly serverMicroseconds: number;
  /** How many times as long an operation took as one of these candidates'. */
  readonly ratios: Readonly<Record<string, Ratio>>;
}

const MIN_ROUNDS = 9;

/**
 * The candidates take turns in short rounds, each round in another random order, so that a busy machine slows all of
 * them alike. The first rounds warm up, and tell how many operations fill a slice.
 */
export async function compare(
  candidates: readonly Candidate[],
  baselines: readonly string[],
  {
    warmUpRounds,
    rounds,
    mostSeconds,
    sliceMilliseconds,
    sessions,
    random,
    serverMicroseconds,
    onRound,
  }: Effort & {
    readonly sessions: number;
    readonly random: () => number;
    /** What the server has used so far. */
    readonly serverMicroseconds: () => Promise<number>;
    readonly onRound: () => void;
  },
): Promise<Result[]> {
  const runs = candidates.map((candidate) => new Series(candidate, sessions, serverMicroseconds));
  const end = performance.now() + mostSeconds * 1_000;
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    if (round >= warmUpRounds + MIN_ROUNDS && performance.now() > end) break;
    if (round === warmUpRounds) for (const run of runs) run.forget();
    for (const run of shuffled(runs, random)) {
      await run.round();
      if (round < warmUpRounds) run.fill(sliceMilliseconds);
    }
    onRound();
  }
  return runs.map((run) => {
    const others = runs.filter(({ name }) => name !== run.name && baselines.includes(name));
    return {
      candidate: run.name,
      median: median(run.durations),
      p99: quantile(run.durations, 0.99),
      perSecond: 1_000 / median(run.perOperation),
      operations: run.durations.length,
      rounds: run.perOperation.length,
      clientMicroseconds: median(run.clientMicroseconds),
      serverMicroseconds: median(run.serverMicroseconds),
      ratios: Object.fromEntries(
        others.map((other) => [other.name, pairedRatio(run.perOperation, other.perOperation)]),
      ),
    };
  });
}

/** What one candidate did in its rounds. */
class Series {
  readonly #candidate: Candidate;
  readonly #sessions: number;
  readonly #serverMicroseconds: () => Promise<number>;
  /** Of one session in one round. */
  #operations = 1;
  /** Milliseconds of each operation. */
  durations: number[] = [];
  /** Milliseconds of each round by its operations: with many sessions far less than one of them waits. */
  perOperation: number[] = [];
  clientMicroseconds: number[] = [];
  serverMicroseconds: number[] = [];

  constructor(candidate: Candidate, sessions: number, serverMicroseconds: () => Promise<number>) {
    this.#candidate = candidate;
    this.#sessions = sessions;
    this.#serverMicroseconds = serverMicroseconds;
  }

  get name(): string {
    return this.#candidate.name;
  }

  async round(): Promise<void> {
    const operations = this.#operations * this.#sessions;
    await this.#candidate.prepare?.(operations);
    const serverBefore = await this.#serverMicroseconds();
    const clientBefore = process.cpuUsage();
    const start = performance.now();
    await Promise.all(Array.from({ length: this.#sessions }, (_, session) => this.#work(session)));
    this.perOperation.push((performance.now() - start) / operations);
    const { user, system } = process.cpuUsage(clientBefore);
    this.clientMicroseconds.push((user + system) / operations);
    this.serverMicroseconds.push(((await this.#serverMicroseconds()) - serverBefore) / operations);
  }

  async #work(session: number): Promise<void> {
    for (let operation = 0; operation < this.#operations; operation++) {
      const start = performance.now();
      await this.#candidate.run(session);
      this.durations.push(performance.now() - start);
    }
  }

  /** From now on so many operations as fill the slice, by the latest round. */
  fill(sliceMilliseconds: number): void {
    const each = (this.perOperation.at(-1) ?? sliceMilliseconds) * this.#sessions;
    // A bound: what takes next to nothing would fill the memory with durations.
    this.#operations = Math.min(Math.max(1, Math.round(sliceMilliseconds / each)), Math.ceil(5_000 / this.#sessions));
  }

  forget(): void {
    this.durations = [];
    this.perOperation = [];
    this.clientMicroseconds = [];
    this.serverMicroseconds = [];
  }
}

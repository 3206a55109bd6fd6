import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { serverMicroseconds } from "../counts/server.js";
import { median, quantile } from "../measure/statistics.js";
import { type OpenOptions, openStreams, type Streams } from "./streams.js";
import { Worker } from "./workers.js";

/** What is sent to each answer. */
export interface Beat {
  /** How many chunks count. */
  readonly chunks: number;
  /** How many come before, which do not. */
  readonly warmUp: number;
  readonly everyMilliseconds: number;
}

/** Answers that run at once, each with one follower. */
export interface Crowd extends Beat {
  readonly candidate: string;
  readonly answers: number;
  readonly p50: number;
  readonly p99: number;
  /** How many of the chunks that count were heard, and how many were sent. */
  readonly heard: number;
  readonly sent: number;
  /** Shares of a processor while chunks were sent: of Redis, and of each Node process. */
  readonly redis: number;
  readonly processes: readonly number[];
  /** How much longer than planned it took to send them: above 1, the processes were not fast enough. */
  readonly slower: number;
}

/** Two processes of one candidate. Each follows what the other one answers. */
export class Pair {
  readonly candidate: string;
  readonly #workers: readonly [Worker, Worker];
  readonly #streams: Streams;
  readonly #observer: Redis;

  private constructor(candidate: string, workers: readonly [Worker, Worker], streams: Streams, observer: Redis) {
    this.candidate = candidate;
    this.#workers = workers;
    this.#streams = streams;
    this.#observer = observer;
  }

  static async start(candidate: string, url: string): Promise<Pair> {
    const options: OpenOptions = { url, keyPrefix: randomUUID(), lease: "30s" };
    const workers = await Promise.all([Worker.start(candidate, options), Worker.start(candidate, options)]);
    return new Pair(candidate, workers, await openStreams(candidate, options), new Redis(url));
  }

  /** A single answer is followed by the process that does not answer it. */
  async measure(answers: number, beat: Beat): Promise<Crowd> {
    const places = [await this.#places(Math.ceil(answers / 2)), await this.#places(Math.floor(answers / 2))];
    await this.#each((worker, index) => worker.tell({ do: "begin", places: places[index] ?? [] }));
    await this.#each((worker, index) => worker.tell({ do: "follow", places: places[1 - index] ?? [] }));
    const usedBefore = await serverMicroseconds(this.#observer);
    const started = performance.now();
    await this.#each((worker) => worker.tell({ do: "send", ...beat }));
    const milliseconds = performance.now() - started;
    const redis = ((await serverMicroseconds(this.#observer)) - usedBefore) / 1_000 / milliseconds;
    await this.#each((worker) => worker.tell({ do: "close" }));
    const reports = await this.#each((worker) => worker.report());
    await this.#observer.flushall();

    const lags = reports.flatMap((report) => report.lags);
    return {
      candidate: this.candidate,
      answers,
      ...beat,
      p50: median(lags),
      p99: quantile(lags, 0.99),
      heard: lags.length,
      sent: answers * beat.chunks,
      redis,
      processes: reports.map(({ processor }) => processor),
      slower: milliseconds / ((beat.warmUp + beat.chunks) * beat.everyMilliseconds),
    };
  }

  async close(): Promise<void> {
    await this.#each((worker) => worker.kill());
    await this.#streams.close();
    this.#observer.disconnect();
  }

  #each<Done>(work: (worker: Worker, index: number) => Promise<Done>): Promise<Done[]> {
    return Promise.all(this.#workers.map((worker, index) => work(worker, index)));
  }

  #places(count: number): Promise<string[]> {
    return Promise.all(Array.from({ length: count }, () => this.#streams.newPlace()));
  }
}

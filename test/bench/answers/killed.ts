// What is left when the process that answers is killed in the middle.
import { randomUUID } from "node:crypto";
import { candidates, type OpenOptions, openStreams, type Streams } from "./streams.js";
import { Worker } from "./workers.js";

export interface Killing {
  /** How many chunks are sent before. */
  readonly chunks: number;
  readonly everyMilliseconds: number;
  readonly lease: OpenOptions["lease"];
  /** How long to wait for an end. */
  readonly patienceMilliseconds: number;
}

/** What a reader is told. */
export interface Told {
  readonly chunks: number;
  /** How it ended; `OPEN` when it had not by then. */
  readonly end: string;
  readonly milliseconds: number;
}

export const OPEN = "open";

export interface Killed extends Killing {
  readonly candidate: string;
  /** Who was following. */
  readonly follower: Told;
  /** Who came afterwards. */
  readonly resumed: Told;
  readonly state: string;
  readonly question?: string;
}

/** All candidates at once, because they only wait. */
export function measureKilled(url: string, killing: Killing): Promise<Killed[]> {
  return Promise.all(Object.keys(candidates).map((candidate) => measureOne(url, candidate, killing)));
}

async function measureOne(url: string, candidate: string, killing: Killing): Promise<Killed> {
  const { chunks, everyMilliseconds, lease, patienceMilliseconds } = killing;
  const options = { url, keyPrefix: randomUUID(), lease };
  const [following, resuming] = [await openStreams(candidate, options), await openStreams(candidate, options)];
  const place = await following.newPlace();
  const worker = await Worker.start(candidate, options);
  await worker.tell({ do: "begin", places: [place] });
  let killedAt = Number.NaN;
  const follower = told(following, place, patienceMilliseconds, () => killedAt);
  await worker.tell({ do: "send", chunks: 0, warmUp: chunks, everyMilliseconds });
  // Long enough for what was sent to be under way.
  await new Promise((resolve) => setTimeout(resolve, 200));
  await worker.kill();
  killedAt = performance.now();
  const [first, second] = await Promise.all([follower, told(resuming, place, patienceMilliseconds, () => killedAt)]);
  const found = await resuming.found(place);
  for (const streams of [following, resuming]) await streams.close();
  return { candidate, ...killing, follower: first, resumed: second, ...found };
}

/** Follows until the end, or until so long after the process was killed. */
async function told(streams: Streams, place: string, patience: number, killedAt: () => number): Promise<Told> {
  let chunks = 0;
  const read = async (): Promise<string> => {
    try {
      const reading = streams.follow(place);
      for (;;) {
        const { value, done } = await reading.next();
        if (done) return value;
        chunks += value.split("\n").filter((line) => line !== "").length;
      }
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  const given = async (): Promise<string> => {
    while (Number.isNaN(killedAt()) || performance.now() - killedAt() < patience) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return OPEN;
  };
  const end = await Promise.race([read(), given()]);
  return { chunks, end, milliseconds: performance.now() - killedAt() };
}

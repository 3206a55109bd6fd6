import { setTimeout as pause } from "node:timers/promises";
import type { World } from "../workload/world.js";
import type { Population } from "../workload/population.js";
import type { Memory } from "./info.js";
import { type Loaded, memories } from "./load.js";
import { type KindSize, sizesOf } from "./sizes.js";
import { snapshotBytes } from "./snapshot.js";
import { type MeasuredTurns, measureTurns } from "./turns.js";

/** What the filled servers were found to hold and to cost. */
export interface Inspected {
  readonly population: Population;
  readonly loadSeconds: number;
  /** Of each node: empty, and full after what expired is gone. */
  readonly before: readonly Memory[];
  readonly after: readonly Memory[];
  /** Keys whose time was over and which Redis had not removed yet, two minutes after the last write. */
  readonly leftExpired: number;
  readonly sizes: readonly KindSize[];
  readonly turns: MeasuredTurns;
  readonly snapshotBytes: number | undefined;
}

const SAMPLES_PER_KIND = 500;

export async function inspect(loaded: Loaded, world: World, random: () => number): Promise<Inspected> {
  const { server, forgottenAt, population, before, opened, seconds } = loaded;
  await pause(Math.max(0, forgottenAt - performance.now()));
  const keysOf = (found: readonly Memory[]): number => found.reduce((total, { keys }) => total + keys, 0);
  const full = await memories(server.nodes);
  const sizes = await sizesOf(server.nodes, SAMPLES_PER_KIND, random);
  const after = await memories(server.nodes);
  // Before the snapshot: after a fork each page that is written costs a fault.
  const turns = await measureTurns(server, opened, world, random);
  return {
    population,
    loadSeconds: seconds,
    before,
    after,
    leftExpired: keysOf(full) - keysOf(after),
    sizes,
    turns,
    snapshotBytes: await snapshotBytes(server),
  };
}

import { Redis } from "ioredis";
import { startRedis } from "langchain-redis-sessions/testing";
import { type FormSizes, measureForms } from "../../capacity/measure/forms.js";
import { serverMicroseconds } from "../counts/server.js";
import { describeMachine, type Machine } from "../machine.js";
import { compare, type Effort } from "../measure/compare.js";
import { networkTo } from "../network/network.js";
import type { Timing } from "../run.js";
import { PLAIN } from "./forms.js";
import { countFormRoundTrips, type FormRoundTrips } from "./round-trips.js";
import { formWorkloads } from "./workloads.js";

export interface PrivatePlan {
  /** How many conversations are stored in each form to weigh a message. */
  readonly conversations: number;
  readonly delays: readonly number[];
}

/** A history that is stored plain, compressed, sealed and both. */
export interface PrivateFindings {
  /** They may be measured on another day than the rest. */
  readonly machine: Machine;
  readonly sizes: readonly FormSizes[];
  readonly timings: readonly Timing[];
  readonly roundTrips: readonly FormRoundTrips[];
}

/** Measured on servers of its own, so that what is counted is that of one form. */
export async function measurePrivate(
  { conversations, delays }: PrivatePlan,
  effort: Effort,
  random: () => number,
): Promise<PrivateFindings> {
  await using redis = await startRedis({ args: ["--save", ""] });
  const observer = new Redis(redis.url);
  const machine = await describeMachine(observer);
  const roundTrips = await countFormRoundTrips(redis);
  const timings: Timing[] = [];
  for (const delayMilliseconds of delays) {
    const network = await networkTo(redis, delayMilliseconds);
    for (const workload of formWorkloads) {
      await observer.flushall();
      const client = new Redis(network.url);
      const results = await compare(await workload.candidates(client), [PLAIN], {
        ...effort,
        sessions: 1,
        random,
        serverMicroseconds: () => serverMicroseconds(observer),
        onRound: () => {},
      });
      client.disconnect();
      timings.push({ workload: workload.name, delayMilliseconds, sessions: 1, results });
    }
    network.close();
  }
  observer.disconnect();
  const sizes = await measureForms(conversations);
  return { machine, sizes, timings, roundTrips };
}

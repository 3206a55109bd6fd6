import type { Cluster, Redis } from "ioredis";
import { change, type Finding, ok, unknown } from "./finding.js";
import { isRefusal } from "./refusal.js";

const COMMANDS = 100;
/**
 * The limit in milliseconds. It is a small part of the five seconds that a call may take, but long for an answer that
 * streams.
 */
const SLOW = 100;

/** Measures the latency of single commands. Uses TIME, which the service's own user may run too. */
export async function latency(client: Redis | Cluster): Promise<Finding> {
  const times: number[] = [];
  try {
    for (let index = 0; index < COMMANDS; index++) {
      const began = performance.now();
      await client.call("time");
      times.push(performance.now() - began);
    }
  } catch (error) {
    if (isRefusal(error)) return unknown("TIME is refused", "Allow TIME.");
    throw error;
  }
  times.sort((one, other) => one - other);
  const at = (share: number): number => times[Math.min(COMMANDS - 1, Math.floor(COMMANDS * share))] ?? 0;
  const found = `median ${at(0.5).toFixed(1)} ms, 99 % ${at(0.99).toFixed(1)} ms, longest ${at(1).toFixed(1)} ms`;
  return at(0.99) <= SLOW
    ? ok(found)
    : change(found, "Run the service nearer to Redis. If it is near, look at SLOWLOG and at the load of the machine.");
}

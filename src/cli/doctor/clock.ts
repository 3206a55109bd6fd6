import type { Cluster, Redis } from "ioredis";
import { list, text } from "../../redis/replies.js";
import { change, type Finding, ok, unknown } from "./finding.js";
import { isRefusal } from "./refusal.js";

/** Seconds. Sign-ins are compared by whole seconds. */
const TOLERATED = 1;

/** How far the clock of the server is from the one of this machine. */
export async function clock(client: Redis | Cluster): Promise<Finding> {
  const began = Date.now();
  try {
    const [seconds, microseconds] = list(await client.call("time")).map((part) => Number(text(part)));
    const server = (seconds ?? Number.NaN) + (microseconds ?? 0) / 1_000_000;
    return compared(server - (began + Date.now()) / 2_000);
  } catch (error) {
    if (isRefusal(error)) return unknown("TIME is refused", "Allow TIME.");
    throw error;
  }
}

function compared(difference: number): Finding {
  const found = `${Math.abs(difference).toFixed(1)} s ${difference < 0 ? "behind" : "ahead of"} this machine`;
  if (Math.abs(difference) <= TOLERATED) return ok("that of this machine");
  return change(found, "Set both by NTP: times of sign-ins are compared with the server's clock.");
}

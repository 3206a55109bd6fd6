import type { Cluster, Redis } from "ioredis";
import { list, text } from "../../redis/replies.js";
import { change, type Finding, ok, unknown } from "./finding.js";
import { isRefusal } from "./refusal.js";

/** The tolerated difference in seconds. The times of sign-ins are compared in whole seconds. */
const TOLERATED = 1;

/** Compares the clock of the server with the clock of this machine. */
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
  return change(found, "Set both by NTP: the library compares the times of sign-ins with the server's clock.");
}

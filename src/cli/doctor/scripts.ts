import type { Cluster, Redis } from "ioredis";
import { StoreUnavailableError } from "../../errors.js";
import { parseClient } from "../../redis/connection-options.js";
import { echoKeyScript } from "../../redis/scripts/echo-key.js";
import { run } from "../../redis/send.js";
import { change, type Finding, ok } from "./finding.js";

/**
 * Checks that scripts run as the library sends them: the first time with their text (EVAL), then by their hash
 * (EVALSHA).
 */
export async function scripts(client: Redis | Cluster, prefix: string): Promise<Finding> {
  const connection = parseClient({ client });
  const call = { keys: { key: `${prefix}:doctor` }, arguments: {} };
  try {
    await run(connection, echoKeyScript, call);
    await run(connection, echoKeyScript, call);
    return ok("EVALSHA works");
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return change(error.message, "Allow EVAL and EVALSHA: the library does everything by scripts.");
  }
}

import type { RedisClient } from "langchain-redis-sessions";
import { beforeScriptsOn } from "../../support/before-scripts.js";

/** A client that waits in front of its second script: for a call that reads with the first one, and writes with it. */
export function pausingBehindRead(client: RedisClient, pause: () => Promise<void>): RedisClient {
  let sent = 0;
  return beforeScriptsOn(client, () => (++sent === 2 ? pause() : undefined));
}

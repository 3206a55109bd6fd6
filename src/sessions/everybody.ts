import { endingsChannel, ownerIndexPattern, ownerKeys, tagOfIndex } from "../redis/keys.js";
import type { RedisPort } from "../redis/port.js";
import { count, list } from "../redis/replies.js";
import { scanKeys } from "../redis/scan.js";
import { endOwnerScript } from "../redis/scripts/session/end-owner.js";
import { type Connection, read, run } from "../redis/send.js";
import type { SessionSettings } from "./options.js";

// The work of SessionStore.endEverybody(), which documents it.

/** Options of `endEverybody`. */
export interface EndEverybodyOptions {
  /** Called after each step with the progress so far. If it throws, the work ends with that error. */
  onProgress?: ((progress: EndEverybodyProgress) => void) | undefined;
}

/** The progress of `endEverybody`. */
export interface EndEverybodyProgress {
  /** The number of owners whose sessions were ended so far, including owners without a live session. */
  readonly owners: number;
  /** The number of live sessions that were ended so far. */
  readonly sessions: number;
  /** The number of primaries that were scanned to the end. */
  readonly scanned: number;
  /** The number of primaries. */
  readonly primaries: number;
}

export async function endEverybody(
  settings: SessionSettings,
  onProgress: (progress: EndEverybodyProgress) => void,
): Promise<{ owners: number; sessions: number }> {
  const since = new Map<RedisPort, number>();
  let [owners, sessions] = [0, 0];
  for await (const { keys, node, scanned, primaries } of scanKeys(settings, ownerIndexPattern, settings.keyPrefix)) {
    const before = since.get(node) ?? (await timeOf({ ...settings, client: node }));
    since.set(node, before);
    for (const ended of await Promise.all(ownersIn(keys).map((tag) => endOwner(settings, tag, before)))) {
      owners += ended.owners;
      sessions += ended.sessions;
    }
    onProgress({ owners, sessions, scanned, primaries });
  }
  return { owners, sessions };
}

function timeOf(connection: Connection): Promise<number> {
  return read(connection, "time", [["time"]], (reply) => {
    const [seconds, microseconds] = list(reply);
    return count(seconds) * 1_000 + Math.floor(count(microseconds) / 1_000);
  });
}

function ownersIn(keys: readonly string[]): string[] {
  return [...new Set(keys.map(tagOfIndex).filter((tag) => tag !== undefined))];
}

/**
 * Ends the sessions of one owner. The command goes through the client, not the scanned node, because the owner's slot may
 * have moved since the scan.
 */
async function endOwner(
  settings: SessionSettings,
  tag: string,
  since: number,
): Promise<{ owners: number; sessions: number }> {
  const { outcome, sessions } = await run(settings, endOwnerScript, {
    keys: ownerKeys(settings.keyPrefix, tag),
    arguments: {
      channel: endingsChannel(settings.keyPrefix),
      remembered: settings.maxTokenMilliseconds,
      since,
    },
  });
  return { owners: outcome === "ended" ? 1 : 0, sessions };
}

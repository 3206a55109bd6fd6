import { endingsChannel, ownerIndexPattern, ownerKeys, tagOfIndex } from "../redis/keys.js";
import { count, list, text, textList } from "../redis/replies.js";
import { echoKeyScript } from "../redis/scripts/echo-key.js";
import { endOwnerScript } from "../redis/scripts/session/end-owner.js";
import { type Connection, read, run } from "../redis/send.js";
import type { SessionSettings } from "./options.js";

// The work of SessionStore.endEverybody(), which documents it.

/** Options of `endEverybody`. */
export interface EndEverybodyOptions {
  /** Called after each step with the progress so far. When it throws, the work ends with that error. */
  onProgress?: ((progress: EndEverybodyProgress) => void) | undefined;
}

export interface EndEverybodyProgress {
  /** How many owners had all their sessions ended so far, including owners with no live session. */
  readonly owners: number;
  /** How many sessions were live. */
  readonly sessions: number;
  /** How many of the `primaries` were scanned to the end. */
  readonly scanned: number;
  readonly primaries: number;
}

/** How many keys a step looks at, as SCAN counts them. A step takes about 0.1 ms of the server's time. */
const SCAN_COUNT = 500;

export async function endEverybody(
  settings: SessionSettings,
  onProgress: (progress: EndEverybodyProgress) => void,
): Promise<{ owners: number; sessions: number }> {
  const pattern = ownerIndexPattern(await spelledByClient(settings, settings.keyPrefix));
  // A Cluster knows its nodes once it has answered.
  const primaries = settings.client.primaries();
  let [owners, sessions] = [0, 0];
  for (const [scanned, client] of primaries.entries()) {
    const node = { ...settings, client };
    const since = await timeOf(node);
    let cursor = "0";
    do {
      const step: { cursor: string; keys: string[] } = await scan(node, cursor, pattern);
      for (const ended of await Promise.all(ownersIn(step.keys).map((tag) => endOwner(settings, tag, since)))) {
        owners += ended.owners;
        sessions += ended.sessions;
      }
      cursor = step.cursor;
      onProgress({ owners, sessions, scanned: cursor === "0" ? scanned + 1 : scanned, primaries: primaries.length });
    } while (cursor !== "0");
  }
  return { owners, sessions };
}

/** Returns a key as the client sends it. A client may put a prefix before keys, but not into the pattern of a SCAN. */
async function spelledByClient(connection: Connection, key: string): Promise<string> {
  return (await run(connection, echoKeyScript, { keys: { key }, arguments: {} })).key;
}

function timeOf(connection: Connection): Promise<number> {
  return read(connection, [["time"]], (reply) => {
    const [seconds, microseconds] = list(reply);
    return count(seconds) * 1_000 + Math.floor(count(microseconds) / 1_000);
  });
}

function scan(connection: Connection, from: string, pattern: string): Promise<{ cursor: string; keys: string[] }> {
  return read(connection, [["scan", from, "MATCH", pattern, "COUNT", String(SCAN_COUNT)]], (reply) => {
    const [cursor, keys] = list(reply);
    return { cursor: text(cursor), keys: textList(keys) };
  });
}

function ownersIn(keys: readonly string[]): string[] {
  return [...new Set(keys.map(tagOfIndex).filter((tag) => tag !== undefined))];
}

/**
 * Ends the sessions of one owner. The command goes through the client, which finds the right node: the owner's slot may have
 * moved since the scan.
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

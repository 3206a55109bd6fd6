import type { RedisPort } from "./port.js";
import { list, text, textList } from "./replies.js";
import { echoKeyScript } from "./scripts/echo-key.js";
import { type Connection, read, run } from "./send.js";

/** How many keys a step looks at, as SCAN counts them. A step takes about 0.1 ms of the server's time. */
const SCAN_COUNT = 500;

/** What one step of a scan found. */
export interface ScanStep {
  /** Some keys, as the server spells them. One may be found again. */
  readonly keys: readonly string[];
  /** The node that was scanned. */
  readonly node: RedisPort;
  /** How many of the `primaries` have been scanned to the end. */
  readonly scanned: number;
  readonly primaries: number;
}

/**
 * Scans every primary for keys, in steps that each settle within the deadline.
 *
 * @param patternOf returns the pattern for keys that begin with a prefix. A client may put a prefix of its own before keys,
 * but not into the pattern of a SCAN.
 */
export async function* scanKeys(
  connection: Connection,
  patternOf: (prefix: string) => string,
  prefix: string,
): AsyncGenerator<ScanStep> {
  // With its colon, because a user may have rights for what is behind it only.
  const { key } = await run(connection, echoKeyScript, { keys: { key: `${prefix}:` }, arguments: {} });
  const pattern = patternOf(key.slice(0, -1));
  // A Cluster knows its nodes once it has answered.
  const primaries = connection.client.primaries();
  for (const [position, node] of primaries.entries()) {
    let cursor = "0";
    do {
      const step = await scan({ ...connection, client: node }, cursor, pattern);
      cursor = step.cursor;
      const scanned = cursor === "0" ? position + 1 : position;
      yield { keys: step.keys, node, scanned, primaries: primaries.length };
    } while (cursor !== "0");
  }
}

function scan(connection: Connection, from: string, pattern: string): Promise<{ cursor: string; keys: string[] }> {
  return read(connection, "scan", [["scan", from, "MATCH", pattern, "COUNT", String(SCAN_COUNT)]], (reply) => {
    const [cursor, keys] = list(reply);
    return { cursor: text(cursor), keys: textList(keys) };
  });
}

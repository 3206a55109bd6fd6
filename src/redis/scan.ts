import type { RedisPort } from "./port.js";
import { list, text, textList } from "./replies.js";
import { echoKeyScript } from "./scripts/echo-key.js";
import { type Connection, read, run } from "./send.js";

/** The COUNT of each SCAN. A step takes about 0.1 ms of the server's time. */
const SCAN_COUNT = 500;

/** The result of one step of a scan. */
export interface ScanStep {
  /** Some keys, as the server spells them. A key may be found twice. */
  readonly keys: readonly string[];
  /** The node that was scanned. */
  readonly node: RedisPort;
  /** The number of primaries that have been scanned to the end. */
  readonly scanned: number;
  readonly primaries: number;
}

/**
 * Scans every primary for keys, in steps that each settle within the deadline.
 *
 * @param patternOf returns the pattern for keys that begin with a prefix. The prefix may differ from `prefix`, because
 * a client may add a prefix of its own to keys, but does not add it to the pattern of a SCAN.
 */
export async function* scanKeys(
  connection: Connection,
  patternOf: (prefix: string) => string,
  prefix: string,
): AsyncGenerator<ScanStep> {
  // Include the colon, because the user may only have rights for keys behind it.
  const { key } = await run(connection, echoKeyScript, { keys: { key: `${prefix}:` }, arguments: {} });
  const pattern = patternOf(key.slice(0, -1));
  // The client of a Cluster knows the nodes only after a first reply, which the script above has brought.
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

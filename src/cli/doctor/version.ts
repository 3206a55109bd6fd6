import { change, type Finding, ok, unknown } from "./finding.js";
import type { Node } from "./node.js";

/** Checks the version. Each script begins with a line that a server before Redis 7.0 cannot compile. */
export function version({ info }: Node): Finding {
  const valkey = info.get("valkey_version");
  const redis = info.get("redis_version");
  if (redis === undefined) return unknown("INFO is refused", "Allow INFO, or ask your provider.");
  const found = valkey === undefined ? `Redis ${redis}` : `Valkey ${valkey}`;
  return Number.parseInt(redis, 10) >= 7 ? ok(found) : change(found, "Use Redis 7.0, Valkey 7.2 or later.");
}

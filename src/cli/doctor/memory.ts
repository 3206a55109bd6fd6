import { change, type Finding, ok, unknown } from "./finding.js";
import type { Node } from "./node.js";

const MUCH = 0.9;

/** Checks what Redis does when memory runs short. */
export function eviction({ info }: Node): Finding {
  const policy = info.get("maxmemory_policy");
  if (policy === undefined) return unknown("INFO is refused", "Check that `maxmemory-policy` is `noeviction`.");
  const evicted = Number(info.get("evicted_keys") ?? 0);
  const found = evicted > 0 ? `${policy}; ${evicted} keys were evicted` : policy;
  return policy === "noeviction"
    ? ok(found)
    : change(
        found,
        "Set `maxmemory-policy noeviction`: otherwise Redis drops conversations, ended sessions and data keys one by one. With it, writes fail with StorageFullError.",
      );
}

/** Checks how much memory is left. */
export function memory({ info }: Node): Finding {
  const [used, limit] = [Number(info.get("used_memory")), Number(info.get("maxmemory"))];
  if (Number.isNaN(used + limit)) return unknown("INFO is refused", "Check how much memory is left.");
  if (limit === 0) {
    return change(
      `${megabytes(used)}, no limit`,
      "Set `maxmemory` below the memory of the machine: otherwise the system may kill Redis.",
    );
  }
  const found = `${megabytes(used)} of ${megabytes(limit)}`;
  return used > limit * MUCH ? change(found, "Raise `maxmemory`: when it is used up, writes fail.") : ok(found);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}

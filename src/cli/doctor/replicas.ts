import { change, type Finding, ok, unknown } from "./finding.js";
import type { Node } from "./node.js";

/** The largest lag in seconds. A replica reports once a second. */
const LATE = 10;

/** Checks whether a failover keeps acknowledged writes. */
export function replicas({ info, config }: Node): Finding {
  const role = info.get("role");
  if (role === undefined) return unknown("INFO is refused", "Check the replicas and `min-replicas-to-write`.");
  if (role !== "master") return change("this is a replica", "Connect to the primary: a replica refuses writes.");
  const count = Number(info.get("connected_slaves"));
  if (count === 0) return ok("no replica; data that this machine loses is lost");
  const late = replicasOf(info).filter(({ state, lag }) => state !== "online" || Number(lag) > LATE).length;
  if (late > 0)
    return change(`${late} of ${count} behind`, "Look at the network and the load: a failover would lose writes.");
  const least = config.get("min-replicas-to-write");
  const waits = `wait: { replicas: ${count}, timeout: "1s" }`;
  if (least === undefined) {
    return unknown(`${count}; CONFIG is refused`, `Check that \`min-replicas-to-write\` is set, or use \`${waits}\`.`);
  }
  return least === "0"
    ? change(
        String(count),
        `Set \`min-replicas-to-write 1\`, and use \`${waits}\` where no write may be lost: otherwise a failover loses writes that were not copied yet.`,
      )
    : ok(`${count}, min-replicas-to-write ${least}`);
}

function replicasOf(info: Node["info"]): readonly { state: string; lag: string }[] {
  return [...info].flatMap(([name, value]) => {
    const found = /^slave\d+$/.test(name) ? /state=(\w+).*lag=(\d+)/.exec(value) : null;
    return found === null ? [] : [{ state: found[1] ?? "", lag: found[2] ?? "" }];
  });
}

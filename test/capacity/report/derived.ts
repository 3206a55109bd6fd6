import { assumptions } from "../model/assumptions.js";
import { type Measured, type Need, needOf } from "../model/capacity.js";
import { checkOf } from "../model/check.js";
import { fitReplication } from "../measure/replication.js";
import type { Findings, TopologyFindings } from "../run.js";
import { world } from "../workload/world.js";
import type { Scenario } from "../simulation/unevenness.js";

export const SIZES = [1e6, 1e7, 1e8, 1e9];

/** The tables are for shards, and a node of a Cluster takes a few more bytes a key. */
export function clusterOf({ topologies }: Findings): TopologyFindings {
  return topologies[1] as TopologyFindings;
}

export function measuredOf(findings: Findings): Measured {
  const cluster = clusterOf(findings);
  const cpu = checkOf(cluster).find(({ unit }) => unit === "µs");
  const variation = (scenario: Scenario): number =>
    findings.simulation.findLast((one) => one.scenario === scenario)?.variation ?? Number.NaN;
  return {
    parameters: cluster.parameters,
    world,
    fragmentation: fragmentationOf(cluster),
    cpuFactor: cpu === undefined ? 1 : cpu.measured / cpu.predicted,
    replicated: fitReplication(findings.replication),
    variation: { bytes: variation("bytes of users"), turns: variation("turns of users") },
  };
}

/** Of what was added: an empty server's program and libraries are no part of it. */
export function fragmentationOf({ inspected: { before, after } }: TopologyFindings): number {
  const added = (what: "residentMemory" | "usedMemory"): number =>
    after.reduce((total, node, index) => total + node[what] - (before[index]?.[what] ?? 0), 0);
  return added("residentMemory") / added("usedMemory");
}

export function needsOf(findings: Findings): Need[] {
  const measured = measuredOf(findings);
  return SIZES.map((size) => needOf(size, measured, assumptions));
}

import { Cluster, type Redis } from "ioredis";
import { clock } from "./clock.js";
import { cluster } from "./cluster.js";
import type { Finding } from "./finding.js";
import { latency } from "./latency.js";
import { eviction, memory } from "./memory.js";
import { type Node, readNode } from "./node.js";
import { persistence } from "./persistence.js";
import { replicas } from "./replicas.js";
import { rights } from "./rights.js";
import { scripts } from "./scripts.js";
import { version } from "./version.js";

/** A finding, and the check that made it. */
export interface Checked extends Finding {
  readonly check: string;
  /** The primaries with this finding. Absent if all have the same one. */
  readonly nodes?: readonly string[];
}

/** Checks of the information that each primary gives about itself. */
const nodeChecks: Readonly<Record<string, (node: Node) => Finding>> = {
  version,
  persistence,
  eviction,
  memory,
  replicas,
};

/** Checks that use Redis through the client, as the service does. */
const clientChecks: Readonly<Record<string, (client: Redis | Cluster, prefix: string) => Promise<Finding>>> = {
  cluster,
  scripts,
  rights,
  clock,
  latency,
};

/** Runs the checks one after another, so that none disturbs the measurement of latency. */
export async function* checks(client: Redis | Cluster, prefix: string): AsyncGenerator<Checked> {
  const primaries = client instanceof Cluster ? await primariesOf(client) : [client];
  const nodes = await Promise.all(
    primaries.map(async (one) => ({ name: `${one.options.host}:${one.options.port}`, node: await readNode(one) })),
  );
  for (const [check, look] of Object.entries(nodeChecks)) {
    yield* together(
      check,
      nodes.map(({ name, node }) => [name, look(node)]),
    );
  }
  for (const [check, look] of Object.entries(clientChecks)) yield { check, ...(await look(client, prefix)) };
}

/** Returns the primaries of a Cluster. The client knows them only after a first reply. */
async function primariesOf(client: Cluster): Promise<Redis[]> {
  await client.call("time").catch(() => {});
  return client.nodes("master");
}

/** Yields each finding once, with the nodes that share it. */
function* together(check: string, found: readonly (readonly [node: string, finding: Finding])[]): Generator<Checked> {
  const findings = new Map(found.map(([, finding]) => [JSON.stringify(finding), finding]));
  for (const [same, finding] of findings) {
    const nodes = found.flatMap(([node, one]) => (JSON.stringify(one) === same ? [node] : []));
    yield { check, ...finding, ...(findings.size === 1 ? {} : { nodes }) };
  }
}

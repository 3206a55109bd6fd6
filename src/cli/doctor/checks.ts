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

/** A finding, and of what. */
export interface Checked extends Finding {
  readonly check: string;
  /** The primaries that it is so of, when it is not so of all. */
  readonly nodes?: readonly string[];
}

/** Asked of what each primary says of itself. */
const nodeChecks: Readonly<Record<string, (node: Node) => Finding>> = {
  version,
  persistence,
  eviction,
  memory,
  replicas,
};

/** Tried out through the client, as the service does. */
const clientChecks: Readonly<Record<string, (client: Redis | Cluster, prefix: string) => Promise<Finding>>> = {
  cluster,
  scripts,
  rights,
  clock,
  latency,
};

/** Checks everything, one after another, so that nothing disturbs the latency. */
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

/** A Cluster knows its nodes once it has answered. */
async function primariesOf(client: Cluster): Promise<Redis[]> {
  await client.call("time").catch(() => {});
  return client.nodes("master");
}

/** Yields what was found once, where it is the same for several. */
function* together(check: string, found: readonly (readonly [node: string, finding: Finding])[]): Generator<Checked> {
  const findings = new Map(found.map(([, finding]) => [JSON.stringify(finding), finding]));
  for (const [same, finding] of findings) {
    const nodes = found.flatMap(([node, one]) => (JSON.stringify(one) === same ? [node] : []));
    yield { check, ...finding, ...(findings.size === 1 ? {} : { nodes }) };
  }
}

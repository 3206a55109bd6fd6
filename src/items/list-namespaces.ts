import { namespacesScript } from "../redis/scripts/items/namespaces.js";
import { run } from "../redis/send.js";
import { forEach, type ItemCall } from "./call.js";
import { labelsOf } from "./names.js";
import { partitionsBelow, unlistPartitions } from "./partitions.js";
import { Scan } from "./scan.js";

/** A condition on how a namespace begins or ends. `"*"` matches any one label. */
interface NamespaceCondition {
  readonly matchType: "prefix" | "suffix";
  readonly path: readonly string[];
}

export interface NamespaceListing {
  readonly conditions: readonly NamespaceCondition[];
  /** The largest number of labels to return of each namespace. `undefined` returns whole namespaces. */
  readonly maxDepth: number | undefined;
  /** The largest number of namespaces to return. `undefined` returns all. */
  readonly limit: number | undefined;
  readonly offset: number;
}

/**
 * Returns the namespaces that have items, sorted by code unit.
 *
 * @throws SearchTooLargeError when it has looked at `maxScan` namespaces and more are left.
 */
export async function listNamespaces(call: ItemCall, listing: NamespaceListing): Promise<string[][]> {
  const { conditions, maxDepth, limit, offset } = listing;
  const labels = literalPrefix(conditions);
  const partitions = await partitionsBelow(call, labels);
  const scan = new Scan(call.settings.maxScan);
  const empty: string[] = [];
  const found = await forEach(partitions, async (partition) => {
    const namespaces = await namespacesOf(call, partition, scan);
    if (namespaces.size === 0) empty.push(partition);
    return [...namespaces];
  });
  if (labels.length < call.settings.partition) await unlistPartitions(call, empty);
  const matching = found
    .flat()
    .map(labelsOf)
    .filter((namespace) => conditions.every((condition) => meets(namespace, condition)))
    .map((namespace) => namespace.slice(0, maxDepth));
  const distinct = new Map(matching.map((namespace) => [namespace.join("\0"), namespace]));
  return [...distinct]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .slice(offset, limit === undefined ? undefined : offset + limit)
    .map(([, namespace]) => namespace);
}

/** Returns the labels with which every matching namespace begins: the longest prefix of any condition. */
function literalPrefix(conditions: readonly NamespaceCondition[]): readonly string[] {
  const prefixes = conditions.map(({ matchType, path }) => {
    const wildcard = path.indexOf("*");
    return matchType === "prefix" ? path.slice(0, wildcard === -1 ? undefined : wildcard) : [];
  });
  return prefixes.reduce((longest, prefix) => (prefix.length > longest.length ? prefix : longest), []);
}

async function namespacesOf(call: ItemCall, partition: string, scan: Scan): Promise<ReadonlySet<string>> {
  const keys = call.keysOf(partition);
  const namespaces = new Set<string>();
  for (let cursor = "0"; ;) {
    const asked = { keys, arguments: { cursor, ...call.holderOf(partition) } };
    const page = await run(call.connection(), namespacesScript, asked);
    if (page.outcome === "more") continue;
    const before = namespaces.size;
    for (const namespace of page.found) namespaces.add(namespace);
    scan.add(namespaces.size - before);
    if (page.cursor === "0") return namespaces;
    ({ cursor } = page);
  }
}

function meets(namespace: readonly string[], { matchType, path }: NamespaceCondition): boolean {
  const from = matchType === "prefix" ? 0 : namespace.length - path.length;
  return (
    path.length <= namespace.length && path.every((label, index) => label === "*" || label === namespace[from + index])
  );
}

import type { Redis } from "ioredis";
import { kindOf } from "../workload/population.js";

/** `MEMORY USAGE` of that many keys of a kind, of so many that there are. */
export interface KindSize {
  /** `"data key"`: only where something is sealed. */
  readonly kind: ReturnType<typeof kindOf>;
  readonly keys: number;
  readonly sampled: number;
  readonly meanBytes: number;
}

/** Exact: every element of a value is looked at, not a sample of five. */
export async function memoryUsage(node: Redis, keys: readonly string[]): Promise<number[]> {
  const replies = (await node.pipeline(keys.map((key) => ["memory", "usage", key, "samples", "0"])).exec()) ?? [];
  return replies.map(([error, bytes]) => {
    if (error) throw error;
    return Number(bytes ?? 0);
  });
}

/**
 * Walks over every key of every node, once, and weighs a sample of each kind. The walk also removes what has expired:
 * Redis by itself leaves some of it for later.
 */
export async function sizesOf(
  nodes: readonly Redis[],
  samplesPerKind: number,
  random: () => number,
): Promise<KindSize[]> {
  const found = new Map<KindSize["kind"], { keys: number; sample: { node: Redis; key: string }[] }>();
  for (const node of nodes) {
    for (let cursor = "0", first = true; first || cursor !== "0"; first = false) {
      const [next, keys] = await node.scan(cursor, "COUNT", 2_000);
      cursor = next;
      for (const key of keys) {
        const kind = kindOf(key);
        const { keys: before, sample } = found.get(kind) ?? { keys: 0, sample: [] };
        found.set(kind, { keys: before + 1, sample });
        // A reservoir: each key is in the sample with the same probability.
        const place = before < samplesPerKind ? before : Math.floor(random() * (before + 1));
        if (place < samplesPerKind) sample[place] = { node, key };
      }
    }
  }
  return Promise.all(
    [...found].map(async ([kind, { keys, sample }]) => {
      const sizes = await Promise.all(
        nodes.map((node) =>
          memoryUsage(
            node,
            sample.filter((one) => one.node === node).map(({ key }) => key),
          ),
        ),
      );
      const bytes = sizes.flat();
      const total = bytes.reduce((sum, size) => sum + size, 0);
      return { kind, keys, sampled: bytes.length, meanBytes: total / bytes.length };
    }),
  );
}

import { type BaseStore, InMemoryStore, type Item } from "@langchain/langgraph-checkpoint";
import fc from "fast-check";

/** Labels and keys that a store has to keep apart. BaseStore itself refuses periods, colons, NUL and empty labels. */
const hostile = ["a", "b", "a/b", "a,b", "eve*", "*", "%61", "{x}", "a]", "😀", "__proto__", "constructor", " "];
// Few of them are met often: what begins alike, and what is the same, has to meet.
const label = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("a", "a/b", "b") },
  { weight: 4, arbitrary: fc.constantFrom(...hostile) },
  fc.string({ unit: "binary", minLength: 1, maxLength: 4 }).filter((text) => !/[.:\0]/u.test(text)),
);
const key = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("k", "") },
  { weight: 4, arbitrary: fc.constantFrom("__proto__", "a\0b", "\0", "*", "a:b.c", "😀") },
  fc.string({ unit: "binary", maxLength: 4 }),
);
const namespace = fc.array(label, { minLength: 1, maxLength: 4, size: "max" });
const scalar = fc.constantFrom<unknown>("x", "y", "", 0, 1, 2.5, -1, true, false, null);
const field = fc.constantFrom("status", "n", "__proto__", "toString");
const value = fc.dictionary(field, fc.oneof(scalar, fc.constant({ deep: [1] })), {
  maxKeys: 3,
  noNullPrototype: true,
});
const comparison = fc.oneof(
  scalar,
  fc.record({ $gt: scalar, $lte: scalar }, { requiredKeys: [] }),
  fc.record({ $eq: scalar }),
  fc.record({ $ne: scalar, $gte: scalar, $lt: scalar }, { requiredKeys: ["$ne"] }),
  fc.record(
    { $in: fc.array(scalar, { maxLength: 3 }), $nin: fc.array(scalar, { maxLength: 2 }) },
    { requiredKeys: [] },
  ),
);
const path = fc.array(fc.oneof(label, fc.constant("*")), { maxLength: 3 });

export type Step =
  | {
      readonly what: "put";
      readonly namespace: string[];
      readonly key: string;
      readonly value: Record<string, unknown>;
    }
  | { readonly what: "get" | "delete"; readonly namespace: string[]; readonly key: string }
  | { readonly what: "search"; readonly namespace: string[]; readonly filter: Record<string, unknown> }
  | { readonly what: "list"; readonly prefix: string[]; readonly suffix: string[]; readonly maxDepth: number };

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ what: fc.constant("put" as const), namespace, key, value }) },
    { weight: 2, arbitrary: fc.record({ what: fc.constantFrom("get" as const, "delete" as const), namespace, key }) },
    {
      weight: 3,
      arbitrary: fc.record({
        what: fc.constant("search" as const),
        namespace: fc.array(label, { maxLength: 3, size: "max" }),
        filter: fc.oneof(
          fc.constant({}),
          fc.dictionary(fc.constantFrom("status", "n"), comparison, { maxKeys: 2, noNullPrototype: true }),
        ),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        what: fc.constant("list" as const),
        prefix: path,
        suffix: path,
        maxDepth: fc.integer({ min: 1, max: 3 }),
      }),
    },
  ),
  { minLength: 20, maxLength: 40, size: "max" },
);

/** An item without its times, which two stores do not share. */
function plain(item: Item | null): unknown {
  return item && { namespace: item.namespace, key: item.key, value: item.value };
}

/** InMemoryStore beside: the order of items, and what else it has in another way, is made the same before it is compared. */
export class StoreModel {
  readonly #memory = new InMemoryStore();
  /** When each item was written last. */
  readonly #writes = new Map<string, number>();
  #count = 0;

  /** Returns what the store under test says, and what it should. */
  async take(store: BaseStore, step: Step): Promise<readonly [actual: unknown, expected: unknown]> {
    switch (step.what) {
      case "put":
        this.#writes.set(JSON.stringify([step.namespace, step.key]), (this.#count += 1));
        // A copy: InMemoryStore keeps what it is given.
        await this.#memory.put(step.namespace, step.key, structuredClone(step.value));
        return [await store.put(step.namespace, step.key, step.value), undefined];
      case "delete":
        await this.#memory.delete(step.namespace, step.key);
        return [await store.delete(step.namespace, step.key), undefined];
      case "get":
        return [
          plain(await store.get(step.namespace, step.key)),
          plain(await this.#memory.get(step.namespace, step.key)),
        ];
      case "search": {
        const [limit, offset] = [3, 1];
        const found = await store.search(step.namespace, { filter: step.filter, limit, offset });
        const all = await this.#all(step.namespace, step.filter);
        return [found.map(plain), all.slice(offset, offset + limit).map(plain)];
      }
      case "list":
      default:
        return this.#list(store, step);
    }
  }

  /** Everything there is, in the end. */
  async compare(store: BaseStore): Promise<readonly [actual: unknown, expected: unknown]> {
    const found = await store.search([], { limit: 1_000 });
    return [found.map(plain), (await this.#all([], {})).map(plain)];
  }

  /** The newest first, where InMemoryStore has the oldest namespace first. */
  async #all(prefix: string[], filter: Record<string, unknown>): Promise<Item[]> {
    const found = await this.#memory.search(prefix, { filter, limit: 1_000 });
    const written = (item: Item): number => this.#writes.get(JSON.stringify([item.namespace, item.key])) ?? 0;
    return found.toSorted((one, other) => written(other) - written(one));
  }

  async #list(
    store: BaseStore,
    { prefix, suffix, maxDepth }: Extract<Step, { what: "list" }>,
  ): Promise<readonly [actual: unknown, expected: unknown]> {
    const listed = await store.listNamespaces({ prefix, suffix, maxDepth });
    // InMemoryStore also lists namespaces that have become empty, so its items are asked.
    const namespaces = (await this.#memory.search([], { limit: 1_000 })).map((item) => item.namespace);
    const fits = (labels: string[], pattern: string[]): boolean =>
      pattern.length <= labels.length && pattern.every((one, index) => one === "*" || one === labels[index]);
    const matching = namespaces.filter(
      (labels) => fits(labels, prefix) && fits(labels.toReversed(), suffix.toReversed()),
    );
    const cut = new Map(matching.map((labels) => [labels.slice(0, maxDepth).join("\0"), labels.slice(0, maxDepth)]));
    const expected = [...cut].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, labels]) => labels);
    return [listed, expected.slice(0, 100)];
  }
}

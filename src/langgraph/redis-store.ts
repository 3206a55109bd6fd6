import { BaseStore, type Operation, type OperationResults } from "@langchain/langgraph-checkpoint";
import { InvalidOptionError } from "../errors.js";
import type { ItemSpace } from "../items/item-space.js";
import { checkedOperation, type CheckedOperation } from "./store-operations.js";
import { itemSpaceOf, type RedisStoreOptions, type SessionStoreItemsOptions } from "./store-options.js";

/**
 * LangGraph's store on plain Redis: JSON objects under a namespace and a key, which outlive threads. It behaves as
 * InMemoryStore does, with these differences: `search` returns the newest first; a namespace without items is not listed;
 * what cannot be done as asked is an error: a `query` or an `index` (there are no vectors), a value that JSON cannot hold, an
 * operator that there is not.
 *
 * - A `get` takes one round trip, and so does a `search` in a namespace of at least `partition` labels. Each call settles
 *   within `deadline`.
 * - Each write takes effect once, also when its reply is lost. The writes of a batch in one partition take effect together
 *   or not at all.
 * - Bound to a session, it holds what belongs to the session's owner. Its calls are refused with a SessionNotFoundError once
 *   the session is not live, and `eraseUser` removes the items.
 *
 * Each method throws InvalidOptionError, StoreUnavailableError, StorageFullError and NotReplicatedError; `search` and
 * `listNamespaces` throw SearchTooLargeError.
 *
 * @example
 * ```ts
 * const agent = createAgent({ model, tools, store: new RedisStore({ client, ttl: "90d" }) });
 * // One agent for all users, each with items of their own:
 * await agent.invoke({ messages }, { store: new RedisStore({ sessions, session }) });
 * ```
 */
export class RedisStore extends BaseStore {
  readonly #items: ItemSpace;

  /**
   * @throws InvalidOptionError when an option is missing, unknown or of the wrong form.
   */
  constructor(options: RedisStoreOptions | SessionStoreItemsOptions) {
    super();
    this.#items = itemSpaceOf(options);
  }

  /**
   * Performs several operations. Reads come first, so they see what was there before the batch. Of several puts of one key
   * the last one counts. Nothing is sent when one of the operations is refused.
   *
   * Puts in different partitions are not atomic together: when the call fails, some may have taken effect.
   */
  override async batch<Op extends Operation[]>(operations: Op): Promise<OperationResults<Op>> {
    if (!Array.isArray(operations)) throw new InvalidOptionError("operations", "pass an array.");
    const checked = operations.map(checkedOperation);
    const { items, found, namespaces } = await this.#items.perform({
      names: checked.flatMap((one) => (one.kind === "get" ? [one.name] : [])),
      searches: checked.flatMap((one) => (one.kind === "search" ? [one.search] : [])),
      listings: checked.flatMap((one) => (one.kind === "list" ? [one.listing] : [])),
      changes: checked.flatMap((one) => (one.kind === "put" ? [one.change] : [])),
    });
    const answers = { get: [...items], search: [...found], list: [...namespaces], put: [] as undefined[] };
    const next = ({ kind }: CheckedOperation): unknown => answers[kind].shift();
    return checked.map(next) as OperationResults<Op>;
  }
}

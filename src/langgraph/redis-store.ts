import { BaseStore, type Operation, type OperationResults } from "@langchain/langgraph-checkpoint";
import { InvalidOptionError } from "../errors.js";
import type { ItemSpace } from "../items/item-space.js";
import { checkedOperation, type CheckedOperation } from "./store-operations.js";
import { itemSpaceOf, type RedisStoreOptions, type SessionStoreItemsOptions } from "./store-options.js";

/**
 * LangGraph's store on plain Redis. It keeps JSON objects under a namespace and a key; they outlive threads. It behaves
 * as InMemoryStore does, except that `search` returns the newest items first, that a namespace without items is not
 * listed, and that a request which it cannot fulfil is an error: a `query` or an `index` (the store has no vectors), a
 * value that JSON cannot hold, or an unknown operator.
 *
 * - A `get` takes one round trip, and so does a `search` in a namespace of at least `partition` labels. Each call
 *   settles within `deadline`.
 * - Each write takes effect once, even if its reply is lost. The writes of a batch in one partition take effect
 *   together or not at all.
 * - A store that is bound to a session holds items of the session's owner. Once the session has ended, its calls throw
 *   SessionNotFoundError. `eraseUser` removes the items.
 *
 * Every method may throw InvalidOptionError, StoreUnavailableError, StorageFullError or NotReplicatedError. `search`
 * and `listNamespaces` may also throw SearchTooLargeError.
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
   * Performs several operations. Reads come first, so they see the items as they were before the batch. Of several puts
   * to one key, the last one counts. If one of the operations is not valid, nothing is sent.
   *
   * Puts in different partitions are not atomic together: if the call fails, some of them may have taken effect.
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

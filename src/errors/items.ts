import { LangChainRedisError } from "./langchain-redis-error.js";

/**
 * Thrown when a search or listing of a `RedisStore` would have to look at more than `maxScan` items or namespaces. The
 * call returns nothing, because a part would look like the whole.
 *
 * @remedy Search in a longer namespace, filter less, or raise `maxScan`.
 */
export class SearchTooLargeError extends LangChainRedisError {
  override readonly name = "SearchTooLargeError";
  override readonly code = "SEARCH_TOO_LARGE";
  /** The number of items or namespaces that a search or listing may look at. */
  readonly maxScan: number;

  constructor(maxScan: number) {
    super(
      `The search looked at ${maxScan} items or namespaces (maxScan) and is not complete. ` +
        "Search in a longer namespace, or raise maxScan.",
    );
    this.maxScan = maxScan;
  }
}

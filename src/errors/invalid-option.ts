import { LangChainRedisError } from "./langchain-redis-error.js";

/**
 * Thrown when an option, an argument, an id or a value cannot be used. The refused value was not stored.
 *
 * @remedy Fix what `option` names. The message says how.
 */
export class InvalidOptionError extends LangChainRedisError {
  override readonly name = "InvalidOptionError";
  override readonly code = "INVALID_OPTION";
  /** The name of the option or argument at fault, for example `"ttl"` or `"messages[2]"`. */
  readonly option: string;

  constructor(option: string, message: string) {
    super(`${option}: ${message}`);
    this.option = option;
  }
}

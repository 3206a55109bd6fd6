import { LangChainRedisError } from "./langchain-redis-error.js";

/** A constructor option, an id or a value that cannot be used. The message says how to fix it; nothing was sent. */
export class InvalidOptionError extends LangChainRedisError {
  override readonly name = "InvalidOptionError";
  override readonly code = "INVALID_OPTION";
  /** The option or argument at fault, for example `"ttl"` or `"messages[2]"`. */
  readonly option: string;

  constructor(option: string, message: string) {
    super(`${option}: ${message}`);
    this.option = option;
  }
}

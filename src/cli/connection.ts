import * as z from "../options/schema.js";
import { validate } from "../options/validation.js";
import { connectionSettings, connectionShape, type KeyedConnection } from "../redis/connection-options.js";
import type { Call } from "./command.js";
import { once } from "../options/once.js";

const schema = once(() => z.strictObject(connectionShape()));

/**
 * Returns the connection of a command that calls Redis itself.
 *
 * @throws InvalidOptionError when the prefix is not a valid `keyPrefix`.
 */
export function connectionOf({ redis, options }: Call): KeyedConnection {
  return connectionSettings(validate(schema(), "options", { client: redis.client, keyPrefix: options.prefix }));
}

import { z } from "zod";
import { validate } from "../options/validation.js";
import { connectionSettings, connectionShape, type KeyedConnection } from "../redis/connection-options.js";
import type { Call } from "./command.js";
import { once } from "../options/once.js";

const schema = once(() => z.strictObject(connectionShape()));

/**
 * Returns the connection of a command that asks Redis itself.
 *
 * @throws InvalidOptionError for a prefix that no service can have.
 */
export function connectionOf({ redis, options }: Call): KeyedConnection {
  return connectionSettings(validate(schema(), "options", { client: redis.client, keyPrefix: options.prefix }));
}

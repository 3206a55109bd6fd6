import * as z from "../options/schema.js";
import { InvalidOptionError } from "../errors.js";
import { type Duration, durationSchema } from "../options/duration.js";
import { countSchema, idSchema, validate } from "../options/validation.js";
import { clientAdvice, isRedisClient, portOf, type RedisClient } from "./client.js";
import type { Connection } from "./send.js";
import { once } from "../options/once.js";

/** The replicas that must have a write before the call returns. */
export interface WaitOptions {
  /**
   * The number of replicas, at least 1. Use the number of all replicas that may be promoted: if one of two replicas has
   * the write, a failover can promote the other one.
   */
  readonly replicas: number;
  /** How long to wait for the replicas. It must be less than `deadline`. */
  readonly timeout: Duration;
}

/** Options of everything that is kept in Redis: the client, the keys, and the time limits. */
export interface ConnectionOptions {
  /**
   * An ioredis 5 or 6 client, `Redis` or `Cluster`, or `fromNodeRedis(client)` of `langchain-redis-sessions/node-redis`. It
   * stays yours: the library never connects, closes or changes it.
   */
  client: RedisClient;
  /**
   * The beginning of every key in Redis. It may contain no braces and no white space.
   * @default "chat"
   */
  keyPrefix?: string | undefined;
  /**
   * The time within which every call settles, whatever the state of Redis or the client. At most `"2m"`.
   * @default "5s"
   */
  deadline?: Duration | undefined;
  /**
   * After each write, waits in the same round trip until `replicas` replicas have the write (`WAIT`), so that a
   * failover to one of them does not lose it. If fewer replicas have it within `timeout`, the call throws
   * NotReplicatedError. A repetition under the same operation id waits again. Meanwhile, the connection does nothing
   * else: later commands of this client wait behind the write. Writes that only renew something (`verify`, the lease of
   * a turn) do not wait.
   * @default undefined: does not wait
   */
  wait?: WaitOptions | undefined;
}

/** The validated connection options. */
export interface KeyedConnection extends Connection {
  readonly keyPrefix: string;
}

/**
 * The time for which an operation id is remembered. A longer deadline is probably a mistake in units: numbers are
 * seconds.
 */
const MAX_DEADLINE = "2m";

const clientShape = once(() => ({
  client: z.custom<RedisClient>(isRedisClient, { error: ({ input }) => clientAdvice(input) }),
  deadline: z.prefault(durationSchema(MAX_DEADLINE), "5s"),
}));
const clientSchema = once(() => z.strictObject(clientShape()));

const waitSchema = once(() =>
  z.strictObject({ replicas: countSchema(), timeout: durationSchema() }, 'use { replicas: 1, timeout: "1s" }'),
);

/** Checks what all keys begin with. */
export const keyPrefixSchema: () => z.ZodType<string, unknown> = once(() =>
  z.check(idSchema(), z.regex(/^[^\s{}]+$/u, "use a string without white space and braces")),
);

/** The connection options' part of other schemas. */
export const connectionShape = once(() => ({
  ...clientShape(),
  wait: z.optional(waitSchema()),
  keyPrefix: z._default(keyPrefixSchema(), "chat"),
}));

/**
 * Returns the settings of a connection from its validated options.
 *
 * @throws InvalidOptionError when `wait.timeout` leaves no time to report a shortfall within `deadline`.
 */
export function connectionSettings(parsed: z.output<z.ZodObject<ReturnType<typeof connectionShape>>>): KeyedConnection {
  const { client, deadline, wait, keyPrefix } = parsed;
  if (wait === undefined) {
    return { client: portOf(client), deadlineMilliseconds: deadline, wait: undefined, keyPrefix };
  }
  if (wait.timeout >= deadline) {
    throw new InvalidOptionError(
      "wait.timeout",
      "use less than deadline, so that a shortfall can be reported in time.",
    );
  }
  return {
    client: portOf(client),
    deadlineMilliseconds: deadline,
    wait: { replicas: wait.replicas, timeoutMilliseconds: wait.timeout },
    keyPrefix,
  };
}

/**
 * Returns the settings of a connection that needs no key prefix.
 *
 * @throws InvalidOptionError when the client or deadline is of the wrong form.
 */
export function parseClient(options: Pick<ConnectionOptions, "client" | "deadline">): Connection {
  const { client, deadline } = validate(clientSchema(), "options", options);
  return { client: portOf(client), deadlineMilliseconds: deadline };
}

import { z } from "zod";
import { InvalidOptionError } from "../errors.js";
import { type Duration, durationSchema } from "../options/duration.js";
import { countSchema, idSchema, validate } from "../options/validation.js";
import { clientAdvice, isRedisClient, portOf, type RedisClient } from "./client.js";
import type { Connection } from "./send.js";
import { once } from "../options/once.js";

/** How many replicas have to have a write before the call returns. */
export interface WaitOptions {
  /**
   * How many, at least 1. Use as many as may be promoted: when one of two replicas has the write, a failover can promote
   * the other one.
   */
  readonly replicas: number;
  /** How long to wait for them. Less than `deadline`. */
  readonly timeout: Duration;
}

/** Options of everything that is kept in Redis: which Redis, under which keys, and how patiently. */
export interface ConnectionOptions {
  /**
   * An ioredis 5 or 6 client, `Redis` or `Cluster`, or `fromNodeRedis(client)` of `langchain-redis-sessions/node-redis`. It
   * stays yours: the library never connects, closes or changes it.
   */
  client: RedisClient;
  /**
   * The beginning of every key. No braces, no white space.
   * @default "chat"
   */
  keyPrefix?: string | undefined;
  /**
   * The time within which every call settles, whatever state Redis or the client is in. At most `"2m"`.
   * @default "5s"
   */
  deadline?: Duration | undefined;
  /**
   * After each write, waits in the same round trip until `replicas` replicas have it (`WAIT`), so that a failover to one of
   * these does not lose it. When fewer have it within `timeout`, the call throws a `NotReplicatedError`. A repetition
   * under the same operation id waits again. The connection does nothing else meanwhile: what this client sends next
   * waits behind the write. Writes that only renew something (`verify`, the lease of a turn) do not wait.
   * @default does not wait
   */
  wait?: WaitOptions | undefined;
}

/** The connection options, checked. */
export interface KeyedConnection extends Connection {
  readonly keyPrefix: string;
}

/** An operation id is remembered for this long. A longer deadline is a mistake in units: durations are seconds. */
const MAX_DEADLINE = "2m";

const clientShape = once(() => ({
  client: z.custom<RedisClient>(isRedisClient, { error: ({ input }) => clientAdvice(input) }),
  deadline: durationSchema(MAX_DEADLINE).prefault("5s"),
}));
const clientSchema = once(() => z.strictObject(clientShape()));

const waitSchema = once(() =>
  z.strictObject({ replicas: countSchema(), timeout: durationSchema() }, 'use { replicas: 1, timeout: "1s" }'),
);

/** For the schemas of options that include these. */
export const connectionShape = once(() => ({
  ...clientShape(),
  wait: waitSchema().optional(),
  keyPrefix: idSchema()
    .regex(/^[^\s{}]+$/u, "use a string without white space and braces")
    .default("chat"),
}));

/**
 * Returns the settings of a connection whose options were checked.
 *
 * @throws InvalidOptionError when `wait.timeout` leaves no time to tell of a shortfall within `deadline`.
 */
export function connectionSettings(parsed: z.output<z.ZodObject<ReturnType<typeof connectionShape>>>): KeyedConnection {
  const { client, deadline, wait, keyPrefix } = parsed;
  if (wait === undefined) {
    return { client: portOf(client), deadlineMilliseconds: deadline, wait: undefined, keyPrefix };
  }
  if (wait.timeout >= deadline) {
    throw new InvalidOptionError("wait.timeout", "use less than deadline, within which a shortfall has to be told.");
  }
  return {
    client: portOf(client),
    deadlineMilliseconds: deadline,
    wait: { replicas: wait.replicas, timeoutMilliseconds: wait.timeout },
    keyPrefix,
  };
}

/**
 * Returns the settings of a client that is only read from.
 *
 * @throws InvalidOptionError for a client or deadline of the wrong form.
 */
export function parseClient(options: Pick<ConnectionOptions, "client" | "deadline">): Connection {
  const { client, deadline } = validate(clientSchema(), "options", options);
  return { client: portOf(client), deadlineMilliseconds: deadline };
}

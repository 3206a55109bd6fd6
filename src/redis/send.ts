import type { RedisClient } from "../client.js";
import { type Circumstances, deadlineError, refusalCode, toSessionError } from "./failure.js";
import { count } from "./replies.js";
import type { Script } from "./script.js";

/** Where and how patiently a command is sent. */
export interface Connection {
  readonly client: RedisClient;
  readonly deadlineMilliseconds: number;
}

/**
 * Sends read commands in one round trip; `parse` takes their replies, in order.
 *
 * Pipelined rather than scripted: a list returned through Lua costs 1.4 to 1.8 times as much.
 */
export function read<Value>(
  connection: Connection,
  commands: string[][],
  parse: (...replies: unknown[]) => Value,
): Promise<Value> {
  const { client } = connection;
  const guard = client.isCluster === true ? movingSlotGuard(commands) : [];
  return withDeadline(connection, {}, async () => {
    try {
      const replies = (await client.pipeline([...guard, ...commands]).exec()) ?? [];
      const values = replies.map(([error, reply]) => {
        if (error) throw error;
        return reply;
      });
      return parse(...values.slice(guard.length));
    } catch (error) {
      throw toSessionError(error, { client, indeterminate: false });
    }
  });
}

/**
 * In a slot that is moving, a key that is still, or already, elsewhere looks as if it were not there, and one that is not
 * there sends the whole pipeline elsewhere. A command with several keys is refused (TRYAGAIN) unless all are here.
 */
function movingSlotGuard(commands: readonly string[][]): string[][] {
  const keys = new Set(commands.map(([, key = ""]) => key));
  return keys.size > 1 ? [["exists", ...keys]] : [];
}

/**
 * Runs a script that is harmless to repeat, in one round trip: it writes the same again, or nothing.
 */
export function run<Input, Reply>(connection: Connection, script: Script<Input, Reply>, input: Input): Promise<Reply> {
  const { client } = connection;
  const indeterminate = script.changes === true;
  return withDeadline(connection, { indeterminate }, async () => {
    try {
      return script.reply(await evaluate(client, script, input));
    } catch (error) {
      throw toSessionError(error, { client, indeterminate });
    }
  });
}

/**
 * Runs a script that writes, in one round trip, and remembers it under its operation id.
 *
 * `operationKey` is the key in which the script records that it ran.
 */
export function write<Input extends { readonly operationId: string }, Reply>(
  connection: Connection,
  script: Script<Input, Reply>,
  input: Input,
  operationKey: string,
): Promise<Reply> {
  const { client } = connection;
  const { operationId } = input;
  return withDeadline(connection, { operationId, indeterminate: true }, async () => {
    try {
      return script.reply(await evaluate(client, script, input));
    } catch (error) {
      const indeterminate = await mayHaveRun(client, operationKey, refusalCode(error));
      throw toSessionError(error, { client, operationId, indeterminate });
    }
  });
}

async function evaluate<Input, Reply>(
  client: RedisClient,
  script: Script<Input, Reply>,
  input: Input,
): Promise<unknown> {
  const keys = script.keys(input);
  const keysAndArguments = [...keys, ...script.arguments(input)];
  try {
    return await client.evalsha(script.sha1, keys.length, keysAndArguments);
  } catch (error) {
    // The server does not know the script (a first call, a restart, SCRIPT FLUSH, a failover): EVAL teaches it.
    if (refusalCode(error) !== "NOSCRIPT") throw error;
    return client.eval(script.lua, keys.length, keysAndArguments);
  }
}

// A script, because a Cluster client sends those to the primary even with `scaleReads`; it runs out of memory too.
const isRecordedLua = /* lua */ `#!lua flags=no-writes
return redis.call("EXISTS", KEYS[1])`;

/**
 * Whether a write that failed may have taken effect all the same. A refusal answers the last attempt only: ioredis may
 * have resent the script after a reply was lost, so that an earlier attempt ran. Only the record of the operation can
 * tell, on a server that is still the primary.
 */
async function mayHaveRun(client: RedisClient, operationKey: string, refusal: string | undefined): Promise<boolean> {
  if (refusal === undefined || refusal === "READONLY") return true;
  try {
    return count(await client.eval(isRecordedLua, 1, [operationKey])) > 0;
  } catch {
    return true;
  }
}

/**
 * Settles within the deadline, whatever the client does: ioredis can hold a command for minutes, or for ever, and its
 * own `commandTimeout` is the caller's to set. The command may still run later; its operation id makes that harmless.
 */
function withDeadline<Value>(
  { client, deadlineMilliseconds }: Connection,
  { operationId, indeterminate = false }: Partial<Pick<Circumstances, "operationId" | "indeterminate">>,
  send: () => Promise<Value>,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const expire = (): void => reject(deadlineError(deadlineMilliseconds, { client, operationId, indeterminate }));
    // Not at once: when the process was busy past the deadline, the reply may be there and only unread.
    const timer = setTimeout(() => setImmediate(expire), deadlineMilliseconds);
    send()
      .finally(() => clearTimeout(timer))
      .then(resolve, reject);
  });
}

import type { RedisClient } from "../client.js";
import { NotReplicatedError } from "../errors.js";
import { type Circumstances, deadlineError, refusalCode, toSessionError } from "./failure.js";
import { count } from "./replies.js";
import { evaluateAndWait, type Replication } from "./replication.js";
import { byDigest, evaluate, type Script, tookEffect } from "./script.js";

/** Where and how patiently a command is sent. */
export interface Connection {
  readonly client: RedisClient;
  readonly deadlineMilliseconds: number;
  /** How many replicas have to have a write before it is done; absent, none. */
  readonly wait?: Replication | undefined;
}

/**
 * Sends read commands in one round trip, in this order; `parse` takes their replies.
 *
 * No script: a list returned through Lua costs 1.4 to 1.8 times as much.
 */
export function read<Value>(
  connection: Connection,
  commands: string[][],
  parse: (...replies: unknown[]) => Value,
): Promise<Value> {
  return reading(connection, async (client) =>
    parse(...(await sendReads(client, { commands, keys: keysOf(commands) }))),
  );
}

/**
 * As `read`, behind a script that writes nothing and says whether the rest may be seen. It runs before what follows it,
 * in the same round trip, unless the server does not know it.
 */
export function readBehind<Input, Checked, Value>(
  connection: Connection,
  script: Script<Input, Checked>,
  input: Input,
  commands: string[][],
  parse: (checked: Checked, ...replies: unknown[]) => Value,
): Promise<Value> {
  const keys = script.keys(input);
  const call = [String(keys.length), ...keys, ...script.arguments(input)];
  return reading(connection, async (client) => {
    const [checked, ...replies] = await byDigest(script, (command, text) =>
      sendReads(client, { commands: [[command, text, ...call], ...commands], keys: [...keys, ...keysOf(commands)] }),
    );
    return parse(script.reply(checked), ...replies);
  });
}

function reading<Value>(connection: Connection, send: (client: RedisClient) => Promise<Value>): Promise<Value> {
  const { client } = connection;
  return withDeadline(connection, {}, async () => {
    try {
      return await send(client);
    } catch (error) {
      throw toSessionError(error, { client, indeterminate: false });
    }
  });
}

/** Commands that read, and the keys that they name. */
interface Reads {
  readonly commands: readonly string[][];
  readonly keys: readonly string[];
}

function keysOf(commands: readonly string[][]): string[] {
  return commands.map(([, key = ""]) => key);
}

function sendReads(client: RedisClient, reads: Reads): Promise<unknown[]> {
  return client.isCluster === true ? sendPipelined(client, reads) : sendTogether(client, reads);
}

/**
 * All before the first reply is awaited. A pipeline of ioredis does the same for more of the processor's time, but it is
 * never split: when a connection ends, ioredis resends the single commands that were not answered, later and even in
 * another order, and what was checked is then older than what was read. So after such an end all is read again, at once.
 */
async function sendTogether(client: RedisClient, reads: Reads): Promise<unknown[]> {
  const { commands } = reads;
  const connection = connectionOf(client);
  const { ends } = connection;
  const replies = await Promise.all(commands.map(([name = "", ...args]) => client.call(name, ...args)));
  return connection.ends === ends || commands.length === 1 ? replies : sendPipelined(client, reads);
}

const connections = new WeakMap<RedisClient, { ends: number }>();

/** How often the connection of a client has ended since it was first used here. */
function connectionOf(client: RedisClient): { readonly ends: number } {
  let connection = connections.get(client);
  if (connection === undefined) {
    const counted = (connection = { ends: 0 });
    connections.set(client, counted);
    client.on("close", () => (counted.ends += 1));
  }
  return connection;
}

/**
 * In a slot that is moving, a key that is still, or already, elsewhere looks as if it were not there, and one that is not
 * there sends the whole pipeline elsewhere. A command with several keys is refused (TRYAGAIN) unless all are here.
 */
async function sendPipelined(client: RedisClient, { commands, keys }: Reads): Promise<unknown[]> {
  const different = new Set(keys);
  const guard = client.isCluster === true && different.size > 1 ? [["exists", ...different]] : [];
  const replies = (await client.pipeline([...guard, ...commands]).exec()) ?? [];
  const values = replies.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
  return values.slice(guard.length);
}

/**
 * Runs a script that is harmless to repeat, in one round trip: it writes the same again, or nothing.
 */
export function run<Input, Reply>(connection: Connection, script: Script<Input, Reply>, input: Input): Promise<Reply> {
  const { client, wait } = connection;
  const indeterminate = script.changes === true;
  return withDeadline(connection, { indeterminate }, async (isOver) => {
    try {
      if (!indeterminate || wait === undefined) return script.reply(await evaluate(client, script, input));
      const { reply, replicas } = await evaluateAndWait(client, script, input, { ...wait, isOver });
      if (replicas < wait.replicas) throw new NotReplicatedError({ replicas, wanted: wait.replicas });
      return script.reply(reply);
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
  const { client, wait } = connection;
  const { operationId } = input;
  return withDeadline(connection, { operationId, indeterminate: true }, async (isOver) => {
    try {
      if (wait === undefined) return script.reply(await evaluate(client, script, input));
      const { reply, replicas } = await evaluateAndWait(client, script, input, { ...wait, isOver });
      if (replicas < wait.replicas && tookEffect(reply)) {
        throw new NotReplicatedError({ replicas, wanted: wait.replicas, operationId });
      }
      return script.reply(reply);
    } catch (error) {
      if (error instanceof NotReplicatedError) throw error;
      const indeterminate = await mayHaveRun(client, operationKey, refusalCode(error));
      throw toSessionError(error, { client, operationId, indeterminate });
    }
  });
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
  send: (isOver: () => boolean) => Promise<Value>,
): Promise<Value> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const expire = (): void => reject(deadlineError(deadlineMilliseconds, { client, operationId, indeterminate }));
    // Not at once: when the process was busy past the deadline, the reply may be there and only unread.
    const timer = setTimeout(() => setImmediate(expire), deadlineMilliseconds);
    // Not by `finally`, which makes three promises more.
    const inTime =
      <Outcome>(settle: (outcome: Outcome) => void) =>
      (outcome: Outcome): void => {
        clearTimeout(timer);
        settle(outcome);
      };
    send(() => performance.now() - began >= deadlineMilliseconds).then(inTime(resolve), inTime(reject));
  });
}

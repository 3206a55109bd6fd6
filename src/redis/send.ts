import type { RedisClient } from "./client.js";
import { NotReplicatedError } from "../errors.js";
import { type Circumstances, deadlineError, refusalCode, toScriptError, toLibraryError } from "./failure.js";
import { count } from "./replies.js";
import { evaluateAndWait, type Replication } from "./replication.js";
import { evaluate, type Script, tookEffect } from "./script.js";

/** Where and how patiently a command is sent. */
export interface Connection {
  readonly client: RedisClient;
  readonly deadlineMilliseconds: number;
  /** The deadline of the whole call, of which this command has what is left: an error names it. Absent, it is the same. */
  readonly callMilliseconds?: number | undefined;
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
  const { client } = connection;
  return withDeadline(connection, {}, async () => {
    try {
      const send = client.isCluster === true ? sendToOneNode : sendTogether;
      return parse(...(await send(client, commands)));
    } catch (error) {
      throw toLibraryError(error, { client, indeterminate: false });
    }
  });
}

/**
 * All before the first reply is awaited: one or two by themselves, more as a pipeline. A pipeline of ioredis takes more of
 * the processor's time for itself, but writes once, where each single command is a system call, here and in Redis.
 *
 * When the connection ends, ioredis sends single commands that were not answered again, in their order: of two, the first
 * may be older then, never newer. A pipeline that was answered in part it gives up, and all is read again, at once.
 */
async function sendTogether(client: RedisClient, commands: readonly string[][]): Promise<unknown[]> {
  if (commands.length <= 2) return Promise.all(commands.map(([name = "", ...args]) => client.call(name, ...args)));
  try {
    return await sendPipelined(client, commands);
  } catch (error) {
    if (error instanceof Error && error.name === "AbortError") return sendPipelined(client, commands);
    throw error;
  }
}

/**
 * In a slot that is moving, a key that is still, or already, elsewhere looks as if it were not there, and one that is not
 * there sends the whole pipeline elsewhere. A command with several keys is refused (TRYAGAIN) unless all are here.
 */
async function sendToOneNode(client: RedisClient, commands: readonly string[][]): Promise<unknown[]> {
  const keys = new Set(commands.map(([, key = ""]) => key));
  const guard = keys.size > 1 ? [["exists", ...keys]] : [];
  return (await sendPipelined(client, [...guard, ...commands])).slice(guard.length);
}

async function sendPipelined(client: RedisClient, commands: readonly string[][]): Promise<unknown[]> {
  const replies = (await client.pipeline([...commands]).exec()) ?? [];
  return replies.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
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
      throw await toScriptError(error, { client }, () => indeterminate);
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
      const mayHave = (): Promise<boolean> => mayHaveRun(client, operationKey, refusalCode(error));
      throw await toScriptError(error, { client, operationId }, mayHave);
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
  { client, deadlineMilliseconds, callMilliseconds = deadlineMilliseconds }: Connection,
  { operationId, indeterminate = false }: Partial<Pick<Circumstances, "operationId" | "indeterminate">>,
  send: (isOver: () => boolean) => Promise<Value>,
): Promise<Value> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    // Before the timer is set, so that Redis works meanwhile.
    const sent = send(() => performance.now() - began >= deadlineMilliseconds);
    const expire = (): void => reject(deadlineError(callMilliseconds, { client, operationId, indeterminate }));
    // Not at once: when the process was busy past the deadline, the reply may be there and only unread.
    const timer = setTimeout(() => setImmediate(expire), deadlineMilliseconds - (performance.now() - began));
    // Not by `finally`, which makes three promises more.
    const inTime =
      <Outcome>(settle: (outcome: Outcome) => void) =>
      (outcome: Outcome): void => {
        clearTimeout(timer);
        settle(outcome);
      };
    sent.then(inTime(resolve), inTime(reject));
  });
}

import { isObserved, observed, type Subject, type Tally, type Told } from "../diagnostics/operations.js";
import { LangChainRedisError, NotReplicatedError } from "../errors.js";
import { CountingPort } from "./counting-port.js";
import { type Circumstances, deadlineError, refusalCode, toLibraryError, toScriptError } from "./failure.js";
import { type Command, type RedisPort, type ReplyType, UnansweredError } from "./port.js";
import type { About } from "./refusals.js";
import { count } from "./replies.js";
import { evaluate, evaluateAndWait, type Replication, type Sending } from "./evaluate.js";
import type { Script } from "./script/define.js";
import { NotText, type Sealer, storedReply, type Vault } from "./sealing.js";

/** Where commands are sent, and how long they may take. */
export interface Connection {
  readonly client: RedisPort;
  readonly deadlineMilliseconds: number;
  /**
   * The deadline of the whole call, which errors name. `deadlineMilliseconds` is what is left of it. Absent if both are
   * the same.
   */
  readonly callMilliseconds?: number | undefined;
  /** The replicas that must have a write before it is done. Absent: none. */
  readonly wait?: Replication | undefined;
  /** Seals and opens the values in this connection's slot. Absent: values are plain text. */
  readonly vault?: Vault | undefined;
  /** The subject that observers are told. */
  readonly subject?: Subject | undefined;
}

/**
 * Sends read commands in one round trip, in this order, and returns the result of `parse` for their replies.
 *
 * Reads do not use a script, because returning a list through Lua costs 1.4 to 1.8 times as much.
 *
 * @param name the name of the operation for observers, like the name of a script.
 */
export function read<Result>(
  connection: Connection,
  name: string,
  commands: readonly Command[],
  parse: (...replies: unknown[]) => Result,
): Promise<Result> {
  if (!isObserved()) return sendRead(connection, commands, parse);
  const send = (tally: Tally): Promise<Result> => sendRead(counted(connection, tally), commands, parse);
  return observed(name, connection.subject, send, () => ({}));
}

function counted(connection: Connection, tally: Tally): Connection {
  return { ...connection, client: new CountingPort(connection.client, tally) };
}

function sendRead<Result>(
  connection: Connection,
  commands: readonly Command[],
  parse: (...replies: unknown[]) => Result,
): Promise<Result> {
  const { client, vault } = connection;
  const circumstances = { client, indeterminate: false };
  const errorFor = async (error: unknown): Promise<unknown> => toLibraryError(error, circumstances);
  const send = client.isCluster ? sendToOneNode : sendTogether;
  const bytes = (): Promise<Result> =>
    send(client, commands, "bytes").then((replies) => parse(...replies.map(storedReply)));
  // Request bytes if values may be sealed or compressed. Otherwise request text, and bytes only if a reply is not text.
  const work = (): Promise<Result> =>
    vault !== undefined
      ? bytes()
      : send(client, commands, "text").then((replies) => unlessNotText(() => parse(...replies), bytes));
  return withDeadline(connection, circumstances, work, errorFor);
}

/** Returns the result of `parse`, or of `again` if a reply is not text. */
function unlessNotText<Result>(parse: () => Result, again: () => Promise<Result>): Result | Promise<Result> {
  try {
    return parse();
  } catch (error) {
    if (error instanceof NotText) return again();
    throw error;
  }
}

/**
 * Sends all commands before it awaits the first reply: one or two by themselves, more as a pipeline. A pipeline of
 * ioredis takes more processor time itself, but is written at once; each single command is a system call, both here and
 * in Redis.
 *
 * If the connection ends, the client sends unanswered single commands again. If it keeps their order, the first of two
 * replies may then be older than the second, but never newer.
 */
function sendTogether(client: RedisPort, commands: readonly Command[], type: ReplyType): Promise<unknown[]> {
  const [first, second] = commands;
  if (first !== undefined && second === undefined) return client.call(first, type).then((reply) => [reply]);
  return commands.length === 2 && client.keepsOrder
    ? Promise.all(commands.map((command) => client.call(command, type)))
    : sendPipelined(client, commands, type);
}

/**
 * Sends commands to one node of a Cluster. In a moving slot, a key that is on the other node looks missing, and a
 * missing key redirects the whole pipeline. So a first command names all keys: Redis refuses it (TRYAGAIN) unless all
 * of them are on this node.
 */
async function sendToOneNode(client: RedisPort, commands: readonly Command[], type: ReplyType): Promise<unknown[]> {
  const keys = new Set(commands.map(([, key = ""]) => key));
  const guard: readonly Command[] = keys.size > 1 ? [["exists", ...keys]] : [];
  return (await sendPipelined(client, [...guard, ...commands], type)).slice(guard.length);
}

/** Sends a pipeline of reads. If the connection ends when it is partly answered, sends all of it again at once. */
async function sendPipelined(client: RedisPort, commands: readonly Command[], type: ReplyType): Promise<unknown[]> {
  try {
    return await answered(client, commands, type);
  } catch (error) {
    if (error instanceof UnansweredError) return answered(client, commands, type);
    throw error;
  }
}

async function answered(client: RedisPort, commands: readonly Command[], type: ReplyType): Promise<unknown[]> {
  const replies = await client.pipeline(commands, type);
  const failure = replies.find((reply) => reply instanceof Error);
  if (failure !== undefined) throw failure;
  return replies;
}

/**
 * Runs a script that is safe to repeat, because it writes the same again, or nothing. Takes one round trip.
 *
 * @throws LangChainRedisError for a refusal of the script (see refusals.ts), or a failure on the way.
 */
export function run<Call, Reply>(
  connection: Connection,
  script: Script<Call, Reply>,
  call: Call & About & { readonly trace?: Trace },
): Promise<Reply> {
  return isObserved() ? observedScript(sendRun, connection, script, call) : sendRun(connection, script, call);
}

/** Runs a script, and reports its answer to observers. */
function observedScript<Call, Sent extends Call, Reply>(
  send: (connection: Connection, script: Script<Call, Reply>, call: Sent) => Promise<Reply>,
  connection: Connection,
  script: Script<Call, Reply>,
  call: Sent,
): Promise<Reply> {
  const tell = (reply: Reply): Told => script.told(reply);
  return observed(script.name, connection.subject, (tally) => send(counted(connection, tally), script, call), tell);
}

function sendRun<Call, Reply>(
  connection: Connection,
  script: Script<Call, Reply>,
  call: Call & About & { readonly trace?: Trace },
): Promise<Reply> {
  const { trace } = call;
  return sendScript(connection, script, call, { indeterminate: script.unrecorded, trace });
}

/** The trace of a script that has taken effect: a key, or a field of a hash. */
export interface Trace {
  readonly key: string;
  readonly field?: string;
}

/** The input of a script that takes effect once. */
export interface Write {
  readonly keys: { readonly operation: string };
  /** Absent if the caller cannot repeat the write under the same id. Then errors name no id. */
  readonly operationId?: string | undefined;
}

/**
 * Runs a script that takes effect once, in one round trip. It records its effect in its key `operation`.
 *
 * @throws the errors of `run`. If the outcome is unknown, StoreUnavailableError carries the operation id.
 */
export function write<Call extends Pick<Write, "keys">, Reply>(
  connection: Connection,
  script: Script<Call, Reply>,
  call: Call & Write & Pick<About, "subject">,
): Promise<Reply> {
  return isObserved() ? observedScript(sendWrite, connection, script, call) : sendWrite(connection, script, call);
}

function sendWrite<Call extends Pick<Write, "keys">, Reply>(
  connection: Connection,
  script: Script<Call, Reply>,
  call: Call & Write & Pick<About, "subject">,
): Promise<Reply> {
  const { operationId, keys } = call;
  return sendScript(connection, script, call, { indeterminate: true, operationId, trace: { key: keys.operation } });
}

/** Runs a script within the deadline. Without a trace, a failure of an indeterminate script leaves its outcome unknown. */
function sendScript<Call, Reply>(
  connection: Connection,
  script: Script<Call, Reply>,
  call: Call & About,
  {
    indeterminate,
    operationId,
    trace,
  }: Pick<Circumstances, "indeterminate" | "operationId"> & { readonly trace: Trace | undefined },
): Promise<Reply> {
  const { client } = connection;
  const circumstances = { client, script: script.name, operationId, indeterminate };
  const errorFor = async (error: unknown): Promise<unknown> => {
    // The script refused, so its outcome is known.
    if (error instanceof LangChainRedisError) return error;
    const mayHave = (): boolean | Promise<boolean> =>
      indeterminate && trace !== undefined ? mayHaveRun(client, trace, refusalCode(error)) : indeterminate;
    return toScriptError(error, circumstances, mayHave);
  };
  const work = (isOver: () => boolean): Promise<Reply> =>
    evaluated(connection, script, call, { isOver, waits: indeterminate });
  return withDeadline(connection, circumstances, work, errorFor);
}

/** Runs a script and returns its answer. */
function evaluated<Call, Reply>(
  connection: Connection,
  script: Script<Call, Reply>,
  call: Call & About,
  { isOver, waits }: { readonly isOver: () => boolean; readonly waits: boolean },
): Promise<Reply> {
  const { vault } = connection;
  const send = waits ? sendAndWait : sendOnce;
  if (vault !== undefined) return evaluatedSealed(connection, script, call, { isOver, waits, vault });
  const bytes = (): Promise<Reply> =>
    send(connection, script, call, { replies: "bytes" }, isOver).then((reply) =>
      script.answerOf(storedReply(reply), call),
    );
  return send(connection, script, call, { replies: "text" }, isOver).then((reply) =>
    unlessNotText(() => script.answerOf(reply, call), bytes),
  );
}

/**
 * How often a call is sealed anew. Once suffices if another process was the first to write, or destroyed the key
 * meanwhile. More tries are needed only if that happens again in between, as when several processes write and delete
 * one thread.
 */
const MAX_SEALED = 16;

/** Seals the values, runs a script and returns its answer. If the script finds another key, seals the values anew. */
async function evaluatedSealed<Call, Reply>(
  connection: Connection,
  script: Script<Call, Reply>,
  call: Call & About,
  { isOver, waits, vault }: { readonly isOver: () => boolean; readonly waits: boolean; readonly vault: Vault },
): Promise<Reply> {
  const send = waits ? sendAndWait : sendOnce;
  for (let left = MAX_SEALED; ; left--) {
    const sealer = await sealerOf(connection, vault, script, call);
    const reply = storedReply(await send(connection, script, call, { sealer, replies: "bytes" }, isOver));
    const found = script.foundKey(reply);
    if (sealer === undefined || found === undefined || left === 0) {
      if (sealer !== undefined && script.tookEffect(reply)) vault.accepted(sealer);
      return script.answerOf(reply, call);
    }
    await vault.refused(connection, found);
  }
}

function sealerOf<Call, Reply>(
  connection: Connection,
  vault: Vault,
  script: Script<Call, Reply>,
  call: Call,
): Sealer | undefined | Promise<Sealer> {
  if (script.seals(call)) return vault.sealer(connection);
  return script.keeps(call) ? vault.keeper : undefined;
}

function sendOnce<Call, Reply>(
  { client }: Connection,
  script: Script<Call, Reply>,
  call: Call,
  sending: Sending,
): Promise<unknown> {
  return evaluate(client, script, call, sending);
}

// Not async, because an async function would create two more promises.
function sendAndWait<Call, Reply>(
  connection: Connection,
  script: Script<Call, Reply>,
  call: Call & About,
  sending: Sending,
  isOver: () => boolean,
): Promise<unknown> {
  const { client, wait } = connection;
  return wait === undefined
    ? evaluate(client, script, call, sending)
    : sendAndWaitFor(client, script, call, { ...wait, ...sending, isOver });
}

async function sendAndWaitFor<Call, Reply>(
  client: RedisPort,
  script: Script<Call, Reply>,
  call: Call & About,
  waiting: Replication & Sending & { readonly isOver: () => boolean },
): Promise<unknown> {
  const { reply, replicas } = await evaluateAndWait(client, script, call, waiting);
  if (replicas < waiting.replicas && script.tookEffect(reply)) {
    throw new NotReplicatedError({ replicas, wanted: waiting.replicas, operationId: call.operationId });
  }
  return reply;
}

// A script, because a Cluster client sends scripts to the primary even with `scaleReads`. As it only reads, it runs
// even if Redis is out of memory.
const isRecordedLua = /* lua */ `#!lua flags=no-writes
return ARGV[1] and redis.call("HEXISTS", KEYS[1], ARGV[1]) or redis.call("EXISTS", KEYS[1])`;

/**
 * Returns whether a failed write may have taken effect. A refusal answers only the last attempt: the client may have
 * sent the script again after a lost reply, so an earlier attempt may have run. Only the record of the operation shows
 * this, on a server that is still the primary.
 */
async function mayHaveRun(client: RedisPort, { key, field }: Trace, refusal: string | undefined): Promise<boolean> {
  if (refusal === undefined || refusal === "READONLY") return true;
  try {
    return count(await client.eval(isRecordedLua, 1, field === undefined ? [key] : [key, field])) > 0;
  } catch {
    return true;
  }
}

/** Runs work within the deadline of a connection, for calls of services other than Redis. */
export function inTime<Result>(connection: Connection, work: () => Promise<Result>): Promise<Result> {
  return withDeadline(connection, { client: connection.client, indeterminate: false }, work, async (error) => error);
}

/**
 * Settles within the deadline, whatever the client does. ioredis can hold a command for minutes or for ever, and its
 * `commandTimeout` is the caller's to set. The command may still run later; its operation id makes that harmless.
 *
 * @param errorFor returns the error to reject with. It may ask Redis, within the same deadline.
 */
function withDeadline<Result>(
  { deadlineMilliseconds, callMilliseconds = deadlineMilliseconds }: Connection,
  circumstances: Circumstances,
  work: (isOver: () => boolean) => Promise<Result>,
  errorFor: (error: unknown) => Promise<unknown>,
): Promise<Result> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    // Send before setting the timer, so that Redis works meanwhile.
    const sent = begun(() => work(() => performance.now() - began >= deadlineMilliseconds));
    const expire = (): void => reject(deadlineError(callMilliseconds, circumstances));
    // Do not reject at once: if the process was busy until the deadline, the reply may have arrived but not been read.
    const timer = setTimeout(() => setImmediate(expire), deadlineMilliseconds - (performance.now() - began));
    // Do not use `finally`, which would create three more promises.
    const settled =
      <Outcome>(settle: (outcome: Outcome) => void) =>
      (outcome: Outcome): void => {
        clearTimeout(timer);
        settle(outcome);
      };
    sent.then(settled(resolve), (error: unknown) => errorFor(error).then(settled(reject), settled(reject)));
  });
}

/**
 * Begins work, which may throw before it returns a promise. It is not async, because an async function would create two
 * more promises for each call.
 */
function begun<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return work();
  } catch (error) {
    return Promise.reject(error);
  }
}

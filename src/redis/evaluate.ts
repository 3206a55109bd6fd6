import { setTimeout as pause } from "node:timers/promises";
import { refusalCode } from "./failure.js";
import type { Command, RedisPort, ReplyType } from "./port.js";
import { count } from "./replies.js";
import type { Script, SentArguments } from "./script/define.js";
import type { Sealer } from "./sealing.js";

/** The number of replicas that must have a write before it is done, and how long to wait for them. */
export interface Replication {
  readonly replicas: number;
  readonly timeoutMilliseconds: number;
}

/** The codes with which a node of a Cluster replies when a key is, or may be, on another node. */
const redirections: ReadonlySet<string | undefined> = new Set(["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"]);
const PAUSE_MILLISECONDS = 20;

/** How a call is sent: the sealer, and the type of its reply. */
export interface Sending {
  readonly sealer?: Sealer | undefined;
  readonly replies: ReplyType;
}

/** Runs a script and returns its reply. Takes one round trip, or two if the server does not know the script. */
export function evaluate<Call, Reply>(
  client: RedisPort,
  script: Script<Call, Reply>,
  call: Call,
  { sealer, replies }: Sending,
): Promise<unknown> {
  return evaluateEncoded(client, script, script.encode(call, sealer), replies);
}

function evaluateEncoded(
  client: RedisPort,
  script: Pick<Script<never, unknown>, "lua" | "sha1">,
  { numberOfKeys, keysAndArguments }: SentArguments,
  replies: ReplyType,
): Promise<unknown> {
  return client.evalsha(script.sha1, numberOfKeys, keysAndArguments, replies).catch((error: unknown) => {
    // The server does not know the script (a first call, a restart, SCRIPT FLUSH, a failover). EVAL loads and runs it.
    if (refusalCode(error) !== "NOSCRIPT") throw error;
    return client.eval(script.lua, numberOfKeys, keysAndArguments, replies);
  });
}

/**
 * Runs a script that writes, and WAIT in the same pipeline. Takes one round trip.
 *
 * WAIT has no key, and counts the replicas that have the writes of its own connection. In a pipeline it follows the
 * script: ioredis sends a pipeline to the node of its first key, over one connection. If that connection ends between
 * the two replies, ioredis rejects the WAIT instead of sending it alone to another node. (In MULTI, WAIT does not
 * wait.)
 *
 * @returns the script's reply, and the number of replicas that have its writes.
 */
export async function evaluateAndWait<Call, Reply>(
  client: RedisPort,
  script: Script<Call, Reply>,
  call: Call,
  { replicas, timeoutMilliseconds, isOver, sealer, replies }: Replication & Sending & { isOver: () => boolean },
): Promise<{ reply: unknown; replicas: number }> {
  // Encoded once: an attempt to create a session has a number, and the script refuses one that comes after a later one.
  const encoded = script.encode(call, sealer);
  const { numberOfKeys, keysAndArguments } = encoded;
  const rest = [String(numberOfKeys), ...keysAndArguments];
  const wait: Command = ["wait", String(replicas), String(timeoutMilliseconds)];
  let command: Command = ["evalsha", script.sha1, ...rest];
  for (;;) {
    const [reply, acknowledged] = await client.pipeline([command, wait], replies);
    if (!(reply instanceof Error)) {
      if (acknowledged instanceof Error) throw acknowledged;
      return { reply, replicas: count(acknowledged) };
    }
    const refusal = refusalCode(reply);
    if (refusal === "NOSCRIPT" && command[0] === "evalsha") {
      command = ["eval", script.lua, ...rest];
    } else if (redirections.has(refusal) && !isOver()) {
      // ioredis follows a redirection only if a whole pipeline was refused, and WAIT never is. Sent alone, the script
      // finds its node, and the client learns where that is. Then the loop repeats the script there, with WAIT. While
      // the slot is moving, the script may be refused again.
      await evaluateEncoded(client, script, encoded, replies);
      await pause(PAUSE_MILLISECONDS);
    } else {
      throw reply;
    }
  }
}

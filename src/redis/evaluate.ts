import { setTimeout as pause } from "node:timers/promises";
import { refusalCode } from "./failure.js";
import type { Command, RedisPort, ReplyType } from "./port.js";
import { count } from "./replies.js";
import type { Script } from "./script/define.js";
import type { Sealer } from "./sealing.js";

/** How many replicas must have a write before it is done, and how long to wait for them. */
export interface Replication {
  readonly replicas: number;
  readonly timeoutMilliseconds: number;
}

/** What a node of a Cluster answers when a key is, or may be, with another node. */
const redirections: ReadonlySet<string | undefined> = new Set(["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"]);
const PAUSE_MILLISECONDS = 20;

/** How a call is sent: what it seals with, and what it wants to have as a reply. */
export interface Sending {
  readonly sealer?: Sealer | undefined;
  readonly replies: ReplyType;
}

/** Runs a script and returns its reply. One round trip, unless the server does not know the script. */
export async function evaluate<Call, Reply>(
  client: RedisPort,
  script: Script<Call, Reply>,
  call: Call,
  { sealer, replies }: Sending,
): Promise<unknown> {
  const { numberOfKeys, keysAndArguments } = script.encode(call, sealer);
  try {
    return await client.evalsha(script.sha1, numberOfKeys, keysAndArguments, replies);
  } catch (error) {
    // The server does not know the script (a first call, a restart, SCRIPT FLUSH, a failover): EVAL teaches it.
    if (refusalCode(error) !== "NOSCRIPT") throw error;
    return client.eval(script.lua, numberOfKeys, keysAndArguments, replies);
  }
}

/**
 * Runs a script that writes, and WAITs in the same pipeline: one round trip.
 *
 * WAIT has no key, and counts the replicas that have what its own connection wrote. In a pipeline it goes where the script
 * goes: ioredis sends a pipeline to the node of its first key, over one connection. When that connection ends between the
 * two replies, ioredis rejects the WAIT rather than send it alone to whichever node is the primary then. (In MULTI a WAIT
 * does not wait.)
 *
 * @returns the script's reply, and how many replicas have what it wrote.
 */
export async function evaluateAndWait<Call, Reply>(
  client: RedisPort,
  script: Script<Call, Reply>,
  call: Call,
  { replicas, timeoutMilliseconds, isOver, sealer, replies }: Replication & Sending & { isOver: () => boolean },
): Promise<{ reply: unknown; replicas: number }> {
  const { numberOfKeys, keysAndArguments } = script.encode(call, sealer);
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
      // ioredis follows a redirection where all of a pipeline was refused, and a WAIT never is. By itself the script finds
      // its way, and shows the client where that leads. Then it is repeated there, with a WAIT. While the slot is moving
      // it is not there yet.
      await evaluate(client, script, call, { sealer, replies });
      await pause(PAUSE_MILLISECONDS);
    } else {
      throw reply;
    }
  }
}

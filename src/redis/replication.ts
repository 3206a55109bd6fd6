import { setTimeout as pause } from "node:timers/promises";
import type { RedisClient } from "./client.js";
import { refusalCode } from "./failure.js";
import { count } from "./replies.js";
import { evaluate, type Script } from "./script.js";

/** How many replicas have to have a write before it is done, and how long to wait for them. */
export interface Replication {
  readonly replicas: number;
  readonly timeoutMilliseconds: number;
}

/** What a node of a Cluster answers when a key is, or may be, with another. */
const redirections: ReadonlySet<string | undefined> = new Set(["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"]);
const PAUSE_MILLISECONDS = 20;

/**
 * Runs a script that writes, and WAITs in the same pipeline: one round trip.
 *
 * WAIT has no key, and speaks of what its own connection wrote. In a pipeline it goes where the script goes: ioredis
 * sends a pipeline to the node of its first key, over one connection, and when that breaks between the two replies it
 * rejects the WAIT rather than send it alone to whoever is the primary then. (In MULTI a WAIT does not wait.)
 *
 * @returns the script's reply, and how many replicas have what it wrote.
 */
export async function evaluateAndWait<Input, Reply>(
  client: RedisClient,
  script: Script<Input, Reply>,
  input: Input,
  { replicas, timeoutMilliseconds, isOver }: Replication & { isOver: () => boolean },
): Promise<{ reply: unknown; replicas: number }> {
  const keys = script.keys(input);
  const keysAndArguments = [...keys, ...script.arguments(input)];
  const wait = ["wait", replicas, timeoutMilliseconds];
  let command: unknown[] = ["evalsha", script.sha1];
  for (;;) {
    const replies = await client.pipeline([[...command, keys.length, keysAndArguments], wait]).exec();
    const [[failure, reply] = [], [waitFailure, acknowledged] = []] = replies ?? [];
    if (!failure) {
      if (waitFailure) throw waitFailure;
      return { reply, replicas: count(acknowledged) };
    }
    const refusal = refusalCode(failure);
    if (refusal === "NOSCRIPT" && command[0] === "evalsha") {
      command = ["eval", script.lua];
    } else if (redirections.has(refusal) && !isOver()) {
      // ioredis follows where all of a pipeline was refused, and WAIT never is. Alone the script finds its way, and shows
      // the client where that leads; then it is repeated there, with a WAIT. While the slot is moving it is not there yet.
      await evaluate(client, script, input);
      await pause(PAUSE_MILLISECONDS);
    } else {
      throw failure;
    }
  }
}

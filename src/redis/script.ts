import { createHash } from "node:crypto";
import type { RedisClient } from "./client.js";
import { refusalCode } from "./failure.js";

/** A Lua script, with what turns our values into its KEYS and ARGV and its reply into a value of ours. */
export interface Script<Input, Reply> {
  readonly lua: string;
  readonly sha1: string;
  /** Every key the script touches, so that Redis Cluster can refuse it before its first write. */
  readonly keys: (input: Input) => string[];
  readonly arguments: (input: Input) => string[];
  readonly reply: (reply: unknown) => Reply;
  /** Has an effect that nobody records, because repeating it is harmless: an error leaves the outcome unknown. */
  readonly changes?: true;
}

export function defineScript<Input, Reply>(parts: Omit<Script<Input, Reply>, "sha1">): Script<Input, Reply> {
  return { ...parts, sha1: createHash("sha1").update(parts.lua).digest("hex") };
}

const effects: ReadonlySet<unknown> = new Set(["appended", "cleared", "created", "done", "live", "repeated"]);

/** Whether a write took effect, now or when it first ran, as its reply begins. A refusal changed nothing. */
export function tookEffect(reply: unknown): boolean {
  return Array.isArray(reply) && effects.has(reply[0]);
}

/** Runs a script. One round trip, unless the server does not know it. */
export async function evaluate<Input, Reply>(
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

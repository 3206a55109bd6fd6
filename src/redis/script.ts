import { createHash } from "node:crypto";
import type { RedisClient } from "../client.js";
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
  return byDigest(script, (command, text) => client[command](text, keys.length, keysAndArguments));
}

/** Sends a script by its digest; and whole where the server does not know it: at first, after a restart or a failover. */
export async function byDigest<Reply>(
  { lua, sha1 }: Pick<Script<never, unknown>, "lua" | "sha1">,
  send: (command: "evalsha" | "eval", text: string) => Promise<Reply>,
): Promise<Reply> {
  try {
    return await send("evalsha", sha1);
  } catch (error) {
    if (refusalCode(error) !== "NOSCRIPT") throw error;
    return send("eval", lua);
  }
}

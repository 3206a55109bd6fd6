import { createHash } from "node:crypto";

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

import type { Budget } from "../redis/budget.js";
import type { Script } from "../redis/script/define.js";
import { write, type Write } from "../redis/send.js";
import type { MemorySpace } from "./place.js";

/** The input of a script that writes to a namespace. */
export interface MemoryWrite extends Write {
  /** The key that an error names. */
  readonly subject: string;
}

/** The script removed expired values and did nothing else. Call it again. */
interface More {
  readonly outcome: "more";
}

/**
 * Runs a write and returns its reply. Takes one round trip. It takes more only if the namespace is at a limit and has
 * hundreds of expired values, which the script removes in steps.
 */
export async function perform<Call extends Pick<Write, "keys">, Reply extends { readonly outcome: string }>(
  budget: Budget,
  script: Script<Call, Reply>,
  call: NoInfer<Call> & MemoryWrite,
): Promise<Exclude<Reply, More>> {
  for (;;) {
    const reply = await write(budget.connection(), script, call);
    if (reply.outcome !== "more") return reply as Exclude<Reply, More>;
  }
}

interface SpaceKeys {
  readonly values: string;
  readonly deadlines: string;
  readonly usage: string;
  readonly writes: string;
  readonly record: string | undefined;
  readonly index: string | undefined;
  readonly memories: string | undefined;
}

/** Returns the keys for a script of a namespace. */
export function keysOf({ keys, holder }: MemorySpace): SpaceKeys {
  const { values, deadlines, usage, writes } = keys;
  return {
    values,
    deadlines,
    usage,
    writes,
    record: holder?.record,
    index: holder?.index,
    memories: holder?.memories,
  };
}

export function keysOfWrite(space: MemorySpace, operationId: string): SpaceKeys & { readonly operation: string } {
  return { operation: space.keys.operation(operationId), ...keysOf(space) };
}

/** Returns the script arguments that name the session on whose behalf the namespace is used. Empty without a session. */
export function holderOf({ holder }: MemorySpace): { sessionId: string; agentId: string; member: string } {
  return { sessionId: holder?.sessionId ?? "", agentId: holder?.agentId ?? "", member: holder?.member ?? "" };
}

interface SpaceArguments extends ReturnType<typeof holderOf> {
  readonly ttl: number;
  readonly writesPerDay: number;
  readonly storageBytes: number;
  readonly valueBytes: number;
  readonly keyCount: number;
}

/** Returns the script arguments for the session, the lifetime and the limits of a namespace. */
export function argumentsOf({ holder, ttlMilliseconds, limits }: MemorySpace): SpaceArguments {
  // Set each field by name, and let callers spread the result last: on Node 20, fields that follow a spread take 10 µs.
  return {
    sessionId: holder?.sessionId ?? "",
    agentId: holder?.agentId ?? "",
    member: holder?.member ?? "",
    ttl: ttlMilliseconds,
    writesPerDay: limits.writesPerDay,
    storageBytes: limits.storageBytes,
    valueBytes: limits.valueBytes,
    keyCount: limits.keys,
  };
}

import { Budget } from "../redis/budget.js";
import type { Script } from "../redis/script/define.js";
import { type Connection, write, type Write } from "../redis/send.js";
import type { MemorySpace } from "./place.js";

/** The input of a script that writes to a namespace. */
export interface MemoryWrite extends Write {
  /** The key that an error names. */
  readonly subject: string;
}

type WriteReply =
  | { readonly outcome: "done" | "repeated"; readonly result: string }
  /** Expired values were removed, and nothing else was done. Call again. */
  | { readonly outcome: "more" };

/**
 * Runs a write and returns its result. Takes one round trip. It takes more only when the namespace is at a limit and holds
 * hundreds of expired values, which are then removed in steps.
 */
export async function perform<Call extends MemoryWrite>(
  budget: Budget,
  script: Script<Call, WriteReply>,
  call: Call,
): Promise<string> {
  for (;;) {
    const reply = await write(budget.connection(), script, call);
    if (reply.outcome !== "more") return reply.result;
  }
}

/** Does what {@link perform} does, for a call that has no other round trips. */
export function performOnce<Call extends MemoryWrite>(
  connection: Connection,
  script: Script<Call, WriteReply>,
  call: Call,
): Promise<string> {
  return perform(new Budget(connection), script, call);
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

/** Returns the keys that a script of a namespace is called with. */
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
  return { ...keysOf(space), operation: space.keys.operation(operationId) };
}

/** Returns the arguments of a script that say on whose behalf a namespace is used. */
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

/** Returns the arguments of a script that say how much a namespace may hold and take. */
export function argumentsOf(space: MemorySpace): SpaceArguments {
  const { writesPerDay, storageBytes, valueBytes, keys } = space.limits;
  return { ...holderOf(space), ttl: space.ttlMilliseconds, writesPerDay, storageBytes, valueBytes, keyCount: keys };
}

import type { Redis } from "ioredis";
import { CorruptCheckpointError } from "langchain-redis-sessions";
import type { Saver } from "./place.js";

/** Runs Lua on what is packed in a field of a thread's key `checkpoints`: it is the local `packed`, and `more` is ARGV[2]. */
export async function edit(
  client: Redis,
  thread: string,
  field: string,
  lua: string,
  more: Buffer | null = null,
): Promise<void> {
  const done = await client.eval(
    `local packed = cmsgpack.unpack(redis.call("HGET", KEYS[1], ARGV[1]))
    ${lua}
    return redis.call("HSET", KEYS[1], ARGV[1], cmsgpack.pack(packed))`,
    1,
    `${thread}:checkpoints`,
    field,
    more ?? "",
  );
  if (done !== 0) throw new Error("The field was not there.");
}

/** Copies the keys of a thread, its data key aside, to those of another. */
export async function copyThread(client: Redis, from: string, to: string): Promise<void> {
  for (const name of ["checkpoints", "arrivals", "nodes", "counts"]) {
    await client.copy(`${from}:${name}`, `${to}:${name}`, "REPLACE");
  }
}

/** Returns what a reader gets of the latest checkpoint and of the list: the values and writes, or that it is told. */
export async function readBy(saver: Saver, thread: string): Promise<unknown> {
  const config = { configurable: { thread_id: thread } };
  try {
    const tuple = await saver.getTuple(config);
    return tuple && { values: tuple.checkpoint.channel_values, writes: tuple.pendingWrites, metadata: tuple.metadata };
  } catch (error) {
    if (error instanceof CorruptCheckpointError) return `told: ${error.message}`;
    throw error;
  }
}

import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import type { RedisAddress } from "langchain-redis-sessions/testing";

/** A way to the Redis that is measured. */
export interface Network {
  readonly url: string;
  close(): void;
}

/** A Redis as if it were farther away: a round trip takes so many milliseconds longer. 0: straight to it. */
export async function networkTo(redis: RedisAddress, delayMilliseconds: number): Promise<Network> {
  const { host, port } = redis;
  if (delayMilliseconds === 0) return { url: `redis://${host}:${port}`, close: () => {} };
  const program = path.join(import.meta.dirname, "delayed-link.ts");
  const link = fork(program, [host, String(port), String(delayMilliseconds)]);
  const [linkPort] = (await once(link, "message")) as [number];
  return { url: `redis://127.0.0.1:${linkPort}`, close: () => void link.kill() };
}

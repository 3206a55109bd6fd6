import type { RedisClient } from "langchain-redis-sessions";

const scripts: ReadonlySet<unknown> = new Set(["evalsha", "evalshaBuffer", "eval", "evalBuffer"]);

/** A client that waits in front of its second script: for a call that reads with the first one, and writes with it. */
export function pausingBehindRead(client: RedisClient, pause: () => Promise<void>): RedisClient {
  let sent = 0;
  return new Proxy(client, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (!scripts.has(name)) return value.bind(target) as unknown;
      return async (...args: unknown[]) => {
        sent += 1;
        if (sent === 2) await pause();
        return value.apply(target, args) as unknown;
      };
    },
  });
}

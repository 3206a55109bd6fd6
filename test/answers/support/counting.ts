import type { Client } from "../../support/topologies.js";

/** Counts the calls of scripts. */
export function counting(inner: Client): { client: Client; of: (script: { readonly sha1: string }) => number } {
  const counts = new Map<string, number>();
  return {
    client: new Proxy(inner, {
      get: (target, name) => {
        if (name === "evalsha") {
          return (sha1: string, keys: number, rest: (string | Buffer)[]) => {
            counts.set(sha1, (counts.get(sha1) ?? 0) + 1);
            return target.evalsha(sha1, keys, rest);
          };
        }
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    }),
    of: ({ sha1 }) => counts.get(sha1) ?? 0,
  };
}

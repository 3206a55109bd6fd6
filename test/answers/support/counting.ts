import type { Client } from "../../support/topologies.js";

/** Counts the calls of scripts. */
export function counting(inner: Client): { client: Client; of: (script: { readonly sha1: string }) => number } {
  const counts = new Map<string, number>();
  return {
    client: new Proxy(inner, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        // With a key ring, replies are asked for as bytes.
        if (name !== "evalsha" && name !== "evalshaBuffer") return value.bind(target) as unknown;
        return (sha1: string, ...rest: unknown[]): unknown => {
          counts.set(sha1, (counts.get(sha1) ?? 0) + 1);
          return value.call(target, sha1, ...rest) as unknown;
        };
      },
    }),
    of: ({ sha1 }) => counts.get(sha1) ?? 0,
  };
}

import type { Client } from "../../support/topologies.js";

interface Recorded {
  readonly client: Client;
  /** Runs the first call of a script once more, as a copy of the request does that comes late. */
  readonly late: (script: { readonly sha1: string }, place?: number) => Promise<unknown>;
}

/** Returns a client that keeps the scripts' calls, so that each can come again. */
export function recorded(client: Client): Recorded {
  const calls: { sha1: string; keys: number; rest: (string | Buffer)[] }[] = [];
  return {
    client: new Proxy(client, {
      get: (target, name) => {
        if (name === "evalsha") {
          return (sha1: string, keys: number, rest: (string | Buffer)[]) => {
            calls.push({ sha1, keys, rest: [...rest] });
            return target.evalsha(sha1, keys, rest);
          };
        }
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    }),
    late: async ({ sha1 }, place = 0) => {
      const call = calls.filter((one) => one.sha1 === sha1).at(place);
      if (call === undefined) throw new Error("The script was not called.");
      return client.evalsha(call.sha1, call.keys, call.rest);
    },
  };
}

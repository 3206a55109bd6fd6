import type { Client } from "../../support/topologies.js";

const scripts: ReadonlySet<unknown> = new Set(["evalsha", "evalshaBuffer", "eval", "evalBuffer"]);

/** A client that does something else in front of the first script that names a key. */
export function beforeScriptOn(key: string, client: Client, action: () => Promise<unknown>): Client {
  let done: Promise<unknown> | undefined;
  return new Proxy(client, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (!scripts.has(name)) return value.bind(target) as unknown;
      return async (...args: unknown[]) => {
        if (args.flat().includes(key)) await (done ??= action());
        return value.apply(target, args) as unknown;
      };
    },
  });
}

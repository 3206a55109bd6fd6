import type { Client } from "../../support/topologies.js";

/** Returns a client whose calls of a script go another way. */
export function rerouted(
  through: Client,
  sha1: string,
  way: (send: () => unknown, given: readonly (string | Buffer)[]) => unknown,
): Client {
  return new Proxy(through, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (name !== "evalsha") return typeof value === "function" ? (value.bind(target) as unknown) : value;
      return (called: string, keys: number, given: (string | Buffer)[]) => {
        const send = (): unknown => target.evalsha(called, keys, given);
        return called === sha1 ? way(send, given) : send();
      };
    },
  });
}

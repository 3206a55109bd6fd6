import { scripts } from "../redis/support/all-scripts.js";
import type { Client } from "./topologies.js";

type Value = string | Buffer;

/** In the place of a script by its hash, the script itself. */
const whole = { evalsha: "eval", evalshaBuffer: "evalBuffer" } as const;

/**
 * Returns a client whose scripts lack a protection: each script that has `code` runs with the replacement instead.
 *
 * @throws Error when no script has that code.
 */
export function withDamagedScripts<Kind extends Client>(client: Kind, code: string, replacement: string): Kind {
  const damaged = new Map(
    scripts
      .filter(({ lua }) => lua.includes(code))
      .map(({ sha1, lua }) => [sha1, lua.replaceAll(code, () => replacement)]),
  );
  if (damaged.size === 0) throw new Error(`No script has this code: ${code}`);
  return new Proxy(client, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      const bound = value.bind(target) as (...args: unknown[]) => unknown;
      if (name !== "evalsha" && name !== "evalshaBuffer") return bound;
      return (sha1: string, numberOfKeys: number, values: Value[]): unknown => {
        const text = damaged.get(sha1);
        if (text === undefined) return bound(sha1, numberOfKeys, values);
        return (Reflect.get(target, whole[name]) as typeof bound).call(target, text, numberOfKeys, values);
      };
    },
  });
}

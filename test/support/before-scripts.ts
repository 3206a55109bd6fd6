const scripts: ReadonlySet<unknown> = new Set(["evalsha", "evalshaBuffer", "eval", "evalBuffer"]);

/** A client that waits for something else in front of each script that it sends. */
export function beforeScriptsOn<Kind extends object>(
  client: Kind,
  before: (args: readonly unknown[]) => Promise<unknown> | undefined,
): Kind {
  return new Proxy(client, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (!scripts.has(name)) return value.bind(target) as unknown;
      return async (...args: unknown[]) => {
        await before(args);
        return value.apply(target, args) as unknown;
      };
    },
  });
}

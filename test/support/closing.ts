import { faultyProxy, type FaultyProxy } from "langchain-redis-sessions/testing";
import type { Address } from "./start-servers.js";
import type { Client } from "./topologies.js";

interface Closing {
  /** Functions that close what was opened. The hook calls them one after another, the last one first. */
  readonly closing: (() => unknown)[];
  /** Returns the client, which the hook disconnects. Its connection errors are ignored. */
  readonly keep: <Kept extends Client>(client: Kept) => Kept;
  /** Opens a faulty proxy before a server; the hook closes it. */
  readonly through: (address: Address) => Promise<FaultyProxy>;
}

/** Closes what a test, or a file of tests, has opened. Pass vitest's `afterEach` or `afterAll`. */
export function closingIn(hook: (close: () => Promise<void>) => void): Closing {
  const closing: (() => unknown)[] = [];
  hook(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });
  return {
    closing,
    keep: (client) => {
      client.on("error", () => {});
      closing.push(() => client.disconnect());
      return client;
    },
    through: async (address) => {
      const proxy = await faultyProxy(address);
      closing.push(() => proxy.close());
      return proxy;
    },
  };
}

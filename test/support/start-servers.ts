import type { TestProject } from "vitest/node";
import { type RunningRedis, startRedis } from "../../src/testing/index.js";

declare module "vitest" {
  interface ProvidedContext {
    /** The servers that all test files share; each test keeps to a random prefix of its own. */
    servers: { readonly single: Address; readonly cluster: readonly Address[] };
  }
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Starts one Redis and a Cluster of three for the whole run; never a REDIS_URL, whose data is not ours to touch. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [single, cluster] = await Promise.all([
    startRedis({ args: ["--databases", "4"] }),
    startRedis({ cluster: true }),
  ]);
  project.provide("servers", { single: address(single), cluster: cluster.nodes.map(address) });
  return async () => {
    await Promise.all([single.stop(), cluster.stop()]);
  };
}

function address({ host, port }: Pick<RunningRedis, "host" | "port">): Address {
  return { host, port };
}

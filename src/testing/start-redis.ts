import { resolve } from "node:path";

import { InvalidOptionError } from "../errors.js";
import { adoptRedis } from "./servers/adopted-redis.js";
import { formCluster } from "./servers/cluster-setup.js";
import { runInContainer } from "./servers/container-servers.js";
import { findServerPrograms, runLocally } from "./servers/local-servers.js";
import { RedisUnavailableError } from "./redis-unavailable-error.js";
import type { RunningRedis, StartRedisOptions } from "./running-redis.js";
import { planServers, PortTakenError, type RunningServers, type ServerPlan } from "./servers/server-plan.js";

const MAX_TRIES = 5;

/**
 * Starts a real Redis for tests and examples. Uses the first of these that is available:
 *
 * 1. The server at `REDIS_URL`. A call with `cluster`, `dataDir` or `args` skips it, because it needs a server of its
 *    own.
 * 2. `redis-server` or `valkey-server` on `PATH`, version 7.0 or later, on a free port of 127.0.0.1. The server ends
 *    with this process, even if this process crashes.
 * 3. Docker, through the package `testcontainers` and the image `redis:7-alpine`.
 *
 * The server does not keep a program running that forgets `stop()`, and a temporary server leaves no files behind.
 *
 * @throws RedisUnavailableError if none of these is available or the server does not start. The message says what to
 * install.
 * @throws InvalidOptionError if `dataDir` is empty.
 *
 * @example
 * ```ts
 * await using redis = await startRedis();
 * const client = new Redis(redis.url);
 * ```
 */
export async function startRedis(options: StartRedisOptions = {}): Promise<RunningRedis> {
  if (options.dataDir === "") throw new InvalidOptionError("dataDir", "pass the path of a folder, or omit the option.");
  const adopted = process.env["REDIS_URL"];
  if (adopted !== undefined && adopted !== "" && !needsOwnServer(options)) return adoptRedis(adopted);

  const { plan, servers } = await runOnFreePorts(options, await findRunner());
  const { host } = servers;
  if (plan.cluster) {
    try {
      await formCluster(host, plan.servers);
    } catch (error) {
      await servers.stop();
      throw error;
    }
  }

  const nodes = plan.servers.map(({ port }) => ({ host, port }));
  const port = plan.servers[0]?.port ?? 0;
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= servers.stop());
  return {
    url: `redis://${host}:${port}`,
    host,
    port,
    nodes,
    source: servers.source,
    pids: servers.pids,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function needsOwnServer({ cluster, dataDir, args }: StartRedisOptions): boolean {
  return cluster === true || dataDir !== undefined || (args !== undefined && args.length > 0);
}

type Runner = (plan: ServerPlan) => Promise<RunningServers>;

async function findRunner(): Promise<Runner> {
  const { program, tooOld } = await findServerPrograms();
  return (plan) => (program === undefined ? runInContainer(plan, tooOld) : runLocally(program, plan));
}

async function runOnFreePorts(
  options: StartRedisOptions,
  run: Runner,
): Promise<{ plan: ServerPlan; servers: RunningServers }> {
  const dataDir = options.dataDir === undefined ? undefined : resolve(options.dataDir);
  for (let tries = 1; ; tries += 1) {
    const plan = await planServers(options, dataDir);
    try {
      return { plan, servers: await run(plan) };
    } catch (error) {
      if (!(error instanceof PortTakenError)) throw error;
      if (tries === MAX_TRIES) {
        throw new RedisUnavailableError(`No free port after ${MAX_TRIES} tries.`, { cause: error });
      }
    }
  }
}

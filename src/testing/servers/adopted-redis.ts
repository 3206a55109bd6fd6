import { Redis } from "ioredis";

import { RedisUnavailableError } from "../redis-unavailable-error.js";
import type { RunningRedis } from "../running-redis.js";
import { isNewEnough, versionInInfo } from "./server-version.js";

const MAX_ANSWER_MILLISECONDS = 5_000;
const DEFAULT_PORT = 6379;

/** Takes the server that `REDIS_URL` names, after it has answered once. It is not ours: `stop()` leaves it alone. */
export async function adoptRedis(url: string): Promise<RunningRedis> {
  const { hostname, port } = parse(url);
  const probe = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: MAX_ANSWER_MILLISECONDS,
    commandTimeout: MAX_ANSWER_MILLISECONDS,
  });
  // A refusal of the user or password comes as an event; connect() then says no more than that it failed.
  let refusal: string | undefined;
  let version: string | undefined;
  probe.on("error", (error) => (refusal ??= refusalCode(error)));
  try {
    await probe.connect();
    await probe.ping();
    version = versionInInfo(await probe.info("server").catch(() => ""));
  } catch (error) {
    refusal ??= refusalCode(error);
    // The URL may hold a password, and so may what ioredis throws for a refusal: only address and code are named.
    if (refusal !== undefined) {
      throw new RedisUnavailableError(`REDIS_URL is set, but the Redis at ${hostname}:${port} refuses it: ${refusal}.`);
    }
    throw new RedisUnavailableError(`REDIS_URL is set, but no Redis answers at ${hostname}:${port}.`, { cause: error });
  } finally {
    probe.disconnect();
  }
  if (version !== undefined && !isNewEnough(version)) {
    throw new RedisUnavailableError(
      `REDIS_URL is set, but the server at ${hostname}:${port} is Redis ${version}: Redis 7.0 or Valkey 7.2 is needed, or a later version.`,
    );
  }
  const address = { host: hostname, port };
  return {
    ...address,
    url,
    nodes: [address],
    source: "REDIS_URL",
    pids: [],
    stop: leaveAlone,
    [Symbol.asyncDispose]: leaveAlone,
  };
}

/** The first word of what Redis replied, "WRONGPASS" say; absent when no reply came. */
function refusalCode(error: unknown): string | undefined {
  return error instanceof Error ? /^[A-Z]+(?= )/.exec(error.message)?.[0] : undefined;
}

function parse(url: string): { hostname: string; port: number } {
  try {
    const { protocol, hostname, port } = new URL(url);
    if (!/^rediss?:$/.test(protocol) || hostname === "") throw new TypeError("not a Redis URL");
    return { hostname, port: port === "" ? DEFAULT_PORT : Number(port) };
  } catch {
    throw new RedisUnavailableError("REDIS_URL is set, but is no URL such as redis://127.0.0.1:6379.");
  }
}

async function leaveAlone(): Promise<void> {}

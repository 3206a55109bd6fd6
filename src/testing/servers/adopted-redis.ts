import { Redis } from "ioredis";

import { RedisUnavailableError } from "../redis-unavailable-error.js";
import type { RunningRedis } from "../running-redis.js";
import { isNewEnough, versionInInfo } from "./server-version.js";

const MAX_ANSWER_MILLISECONDS = 5_000;
const DEFAULT_PORT = 6379;

/** Uses the server at `REDIS_URL` after it has answered once. `stop()` does not stop the server. */
export async function adoptRedis(url: string): Promise<RunningRedis> {
  const { hostname, port } = parse(url);
  const probe = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: MAX_ANSWER_MILLISECONDS,
    commandTimeout: MAX_ANSWER_MILLISECONDS,
  });
  // ioredis reports a refused user or password by an "error" event. The error of connect() does not contain the reason.
  let refusal: string | undefined;
  let version: string | undefined;
  probe.on("error", (error) => (refusal ??= refusalCode(error)));
  try {
    await probe.connect();
    await probe.ping();
    version = versionInInfo(await probe.info("server").catch(() => ""));
  } catch (error) {
    refusal ??= refusalCode(error);
    // The URL may contain a password, and so may an error of ioredis for a refusal. The message contains only the
    // address and the code.
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

/** Returns the first word of an error reply, such as "WRONGPASS", or `undefined` if Redis did not reply. */
function refusalCode(error: unknown): string | undefined {
  return error instanceof Error ? /^[A-Z]+(?= )/.exec(error.message)?.[0] : undefined;
}

function parse(url: string): { hostname: string; port: number } {
  try {
    const { protocol, hostname, port } = new URL(url);
    if (!/^rediss?:$/.test(protocol) || hostname === "") throw new TypeError("not a Redis URL");
    return { hostname, port: port === "" ? DEFAULT_PORT : Number(port) };
  } catch {
    throw new RedisUnavailableError("REDIS_URL is set, but is not a URL such as redis://127.0.0.1:6379.");
  }
}

async function leaveAlone(): Promise<void> {}

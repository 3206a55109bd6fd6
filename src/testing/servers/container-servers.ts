import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { ContainerLog, ENDED, READY } from "./container-log.js";
import { containerScript, folderInContainer, SERVERS_FOLDER } from "./container-script.js";
import { RedisUnavailableError } from "../redis-unavailable-error.js";
import { PortTakenError, type RunningServers, type ServerPlan } from "./server-plan.js";

const IMAGE = "redis:7-alpine";
// Counts from the start of the container, and does not include pulling the image.
const MAX_START_MILLISECONDS = 60_000;
const MAX_STOP_MILLISECONDS = 10_000;

type Testcontainers = typeof import("testcontainers");

/**
 * Runs a plan in one container. Every port has the same number inside and outside the container, because the nodes of a
 * cluster announce their ports to clients.
 *
 * `tooOld` lists the server programs that were found but are too old, for the error message.
 *
 * If this process crashes, Ryuk, a helper container of testcontainers, removes the container. If Ryuk is disabled
 * (`TESTCONTAINERS_RYUK_DISABLED`), only `stop()` removes the container.
 *
 * @throws RedisUnavailableError if Docker or the package testcontainers is missing, or the servers do not start.
 * @throws PortTakenError if another process has taken one of the ports.
 */
export async function runInContainer(plan: ServerPlan, tooOld: readonly string[]): Promise<RunningServers> {
  const testcontainers = await loadTestcontainers(tooOld);
  const log = new ContainerLog(plan.servers.length);
  const container = new testcontainers.GenericContainer(IMAGE)
    .withCommand(["sh", "-c", containerScript(plan.servers)])
    .withExposedPorts(...plan.servers.map(({ port }) => ({ container: port, host: port })))
    .withWaitStrategy(testcontainers.Wait.forLogMessage(new RegExp(`${READY}|${ENDED}`), plan.servers.length))
    .withStartupTimeout(MAX_START_MILLISECONDS)
    .withLogConsumer((stream) => log.follow(stream));
  if (plan.dataDir === undefined) {
    container.withTmpFs(Object.fromEntries(plan.servers.map((server) => [folderInContainer(server), "rw,mode=1777"])));
  } else {
    await Promise.all(plan.servers.map(({ folder }) => mkdir(join(plan.dataDir ?? "", folder), { recursive: true })));
    container.withBindMounts([{ source: plan.dataDir, target: SERVERS_FOLDER }]);
    // The servers run as the current user, so that the current user owns the files that they write.
    if (process.getuid !== undefined && process.getgid !== undefined) {
      container.withUser(`${process.getuid()}:${process.getgid()}`);
    }
  }

  try {
    const started = await container.start();
    const stop = async (): Promise<void> => {
      await started.stop({ timeout: plan.dataDir === undefined ? 0 : MAX_STOP_MILLISECONDS });
    };
    if ((await log.outcome()) === "ended") {
      await stop();
      throw new RedisUnavailableError("The Redis server ended while it was starting.", { log: log.lines });
    }
    return {
      source: "docker",
      // "localhost" may resolve to ::1, where Docker may not publish the ports.
      host: started.getHost() === "localhost" ? "127.0.0.1" : started.getHost(),
      pids: [],
      stop,
    };
  } catch (error) {
    throw startError(error, log.lines, tooOld);
  } finally {
    log.close();
  }
}

async function loadTestcontainers(tooOld: readonly string[]): Promise<Testcontainers> {
  try {
    return await import("testcontainers");
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
    throw nothingToRun(missing ? "the package testcontainers is not installed" : String(error), error, tooOld);
  }
}

function startError(error: unknown, log: readonly string[], tooOld: readonly string[]): Error {
  if (error instanceof RedisUnavailableError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  if (/port is already allocated|address already in use/i.test(reason)) return new PortTakenError(reason);
  if (log.length === 0) return nothingToRun(reason, error, tooOld);
  return new RedisUnavailableError(`The container ${IMAGE} did not start: ${reason}`, { log, cause: error });
}

function nothingToRun(reason: string, cause: unknown, tooOld: readonly string[]): RedisUnavailableError {
  const onPath =
    tooOld.length === 0
      ? "no redis-server or valkey-server on PATH"
      : `${tooOld.join(", ")}, and Redis 7.0 or Valkey 7.2 is needed, or a later version`;
  return new RedisUnavailableError(
    `startRedis() found no Redis to run: ${onPath}, and no Docker (${reason}).
One of these helps:
  Debian, Ubuntu:  sudo apt-get install -y redis-server
  macOS:           brew install redis
  Docker:          start it, and npm install --save-dev testcontainers
  a server that runs already (no cluster, dataDir or args):  export REDIS_URL=redis://127.0.0.1:6379`,
    { cause },
  );
}

import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";

import { Cluster, Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";

import { RedisUnavailableError, type RunningRedis, startRedis } from "../../src/testing/index.js";
import { findServerProgram } from "../../src/testing/servers/local-servers.js";
import { runChild } from "./child-program.js";
import { redis6 } from "../support/redis-6.js";
import { leftovers } from "./leftovers.js";
import { writeProgram } from "./program.js";

const dockerAnswers = spawnSync("docker", ["info"], { stdio: "ignore" }).status === 0;
const hasServerProgram = (await findServerProgram()) !== undefined;

beforeEach(() => {
  vi.stubEnv("REDIS_URL", undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

function openClient(url: string): Redis {
  // Many a test ends its server while the client is still open; it must not try to come back.
  const client = new Redis(url, { retryStrategy: () => null });
  client.on("error", () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

async function folderOf(redis: RunningRedis): Promise<string> {
  const [, folder] = await openClient(redis.url).config("GET", "dir");
  return folder ?? "";
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "start-redis-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe("one server", () => {
  test("answers as soon as startRedis() resolves", async () => {
    await using redis = await startRedis();
    expect(redis.url).toBe(`redis://${redis.host}:${redis.port}`);
    expect(redis.nodes).toEqual([{ host: redis.host, port: redis.port }]);
    expect(await openClient(redis.url).ping()).toBe("PONG");
  });

  test("two servers at the same time do not know of each other", async () => {
    const [one, other] = await Promise.all([startRedis(), startRedis()]);
    onTestFinished(async () => {
      await Promise.all([one.stop(), other.stop()]);
    });
    await openClient(one.url).set("key", "value");
    expect(await openClient(other.url).get("key")).toBeNull();
  });

  test("extra arguments reach the server", async () => {
    await using redis = await startRedis({ args: ["--enable-debug-command", "yes", "--maxmemory", "3mb"] });
    const client = openClient(redis.url);
    expect(await client.config("GET", "maxmemory")).toEqual(["maxmemory", "3145728"]);
    expect(await client.call("DEBUG", "SLEEP", "0")).toBe("OK");
  });

  test("a wrong argument is reported with the server's own words", async () => {
    const failure = await startRedis({ args: ["--no-such-setting", "1"] }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RedisUnavailableError);
    expect(failure).toMatchObject({ code: "REDIS_UNAVAILABLE", message: expect.stringContaining("no-such-setting") });
  });

  test("an empty dataDir is refused", async () => {
    await expect(startRedis({ dataDir: "" })).rejects.toMatchObject({ code: "INVALID_OPTION", option: "dataDir" });
  });
});

describe.runIf(hasServerProgram)("a local process", () => {
  test("names the real process id of the server", async () => {
    await using redis = await startRedis();
    const information = await openClient(redis.url).info("server");
    expect(redis.source).toBe("process");
    expect(information).toContain(`process_id:${redis.pids[0]}\r\n`);
  });

  test("is gone with its temporary folder once stop() resolves, and stop() may be called again", async () => {
    const redis = await startRedis();
    const folder = await folderOf(redis);
    expect(leftovers(redis.pids, [folder])).toHaveLength(2);
    await redis.stop();
    expect(leftovers(redis.pids, [folder])).toEqual([]);
    await redis.stop();
  });

  test("stops even when it is suspended", async () => {
    const dataDir = await newFolder();
    for (const redis of [await startRedis(), await startRedis({ dataDir })]) {
      process.kill(redis.pids[0] ?? 0, "SIGSTOP");
      await redis.stop();
      expect(leftovers(redis.pids, [])).toEqual([]);
    }
  });

  test("that was killed leaves no folder behind, and stop() resolves", async () => {
    const redis = await startRedis();
    const client = openClient(redis.url);
    const [, folder = ""] = await client.config("GET", "dir");
    client.disconnect();
    process.kill(redis.pids[0] ?? 0, "SIGKILL");
    await expect.poll(() => leftovers(redis.pids, [folder]), { timeout: 10_000 }).toEqual([]);
    await redis.stop();
  });
});

describe("dataDir", () => {
  test("keeps the data for the next start", async () => {
    const dataDir = await newFolder();
    {
      await using redis = await startRedis({ dataDir });
      await openClient(redis.url).set("key", "value");
    }
    await using redis = await startRedis({ dataDir });
    expect(await openClient(redis.url).get("key")).toBe("value");
  });

  test("is made when it is missing", async () => {
    const dataDir = join(await newFolder(), "deep", "below");
    await using redis = await startRedis({ dataDir });
    expect(leftovers([], [dataDir])).toEqual([dataDir]);
    expect(await openClient(redis.url).ping()).toBe("PONG");
  });

  test.runIf(hasServerProgram)("has every write that was answered, even when the server is killed", async () => {
    const dataDir = await newFolder();
    const first = await startRedis({ dataDir });
    const client = openClient(first.url);
    await client.set("key", "value");
    client.disconnect();
    process.kill(first.pids[0] ?? 0, "SIGKILL");
    await first.stop();
    await using second = await startRedis({ dataDir });
    expect(await openClient(second.url).get("key")).toBe("value");
  });
});

describe("a cluster", () => {
  const keys = Array.from({ length: 60 }, (_, index) => `key-${index}`);

  test("serves keys on all three nodes at once", async () => {
    await using redis = await startRedis({ cluster: true });
    expect(redis.nodes).toHaveLength(3);
    const client = new Cluster([...redis.nodes]);
    onTestFinished(() => client.disconnect());
    await Promise.all(keys.map((key) => client.set(key, key)));
    expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys);
    const sizes = await Promise.all(
      redis.nodes.map(({ host, port }) => openClient(`redis://${host}:${port}`).dbsize()),
    );
    expect(sizes.every((size) => size > 0)).toBe(true);
  });

  test("with a dataDir has its keys again after a restart, on other ports", async () => {
    const dataDir = await newFolder();
    for (const attempt of ["write", "read"]) {
      await using redis = await startRedis({ cluster: true, dataDir });
      const client = new Cluster([...redis.nodes]);
      if (attempt === "write") await Promise.all(keys.map((key) => client.set(key, key)));
      expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys);
      client.disconnect();
    }
  });
});

describe("REDIS_URL", () => {
  test("is used when no option asks for a server of one's own, and stop() leaves that server alone", async () => {
    await using foreign = await startRedis({ args: ["--databases", "4"] });
    vi.stubEnv("REDIS_URL", `${foreign.url}/1`);
    const redis = await startRedis({ cluster: false, args: [] });
    expect(redis).toMatchObject({ url: `${foreign.url}/1`, source: "REDIS_URL", port: foreign.port, pids: [] });
    await redis.stop();
    expect(await openClient(foreign.url).ping()).toBe("PONG");
  });

  test("is not used for extra arguments", async () => {
    await using foreign = await startRedis();
    vi.stubEnv("REDIS_URL", foreign.url);
    await using redis = await startRedis({ args: ["--databases", "4"] });
    expect(redis.source).not.toBe("REDIS_URL");
    expect(redis.port).not.toBe(foreign.port);
  });

  test("that leads nowhere is an error that does not show the password", async () => {
    const gone = await startRedis();
    await gone.stop();
    vi.stubEnv("REDIS_URL", `redis://user:hidden@127.0.0.1:${gone.port}`);
    const failure = await startRedis().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RedisUnavailableError);
    expect(failure).toMatchObject({ message: `REDIS_URL is set, but no Redis answers at 127.0.0.1:${gone.port}.` });
  });

  test.each([
    { name: "a wrong password", login: "user:hidden@", code: "WRONGPASS" },
    { name: "no password", login: "", code: "NOAUTH" },
  ])(
    "with $name is an error that says that Redis answered, and does not show the password",
    async ({ login, code }) => {
      await using foreign = await startRedis({ args: ["--requirepass", "secret"] });
      vi.stubEnv("REDIS_URL", `redis://${login}127.0.0.1:${foreign.port}`);
      const failure = await startRedis().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(RedisUnavailableError);
      expect(failure).toMatchObject({
        message: `REDIS_URL is set, but the Redis at 127.0.0.1:${foreign.port} refuses it: ${code}.`,
      });
      expect(inspect(failure, { depth: 20, showHidden: true })).not.toMatch(/hidden|secret/);
    },
  );

  test("that is not a URL is an error", async () => {
    vi.stubEnv("REDIS_URL", "localhost:6379");
    await expect(startRedis()).rejects.toThrow("not a URL such as redis://127.0.0.1:6379");
  });
});

describe("without any Redis", () => {
  const advice = ["apt-get install -y redis-server", "brew install redis", "testcontainers", "export REDIS_URL="];

  test("and without testcontainers, the error says what to install", async () => {
    const hook = `export async function resolve(name, context, next) {
      if (name !== "testcontainers") return next(name, context);
      throw Object.assign(new Error("not installed"), { code: "ERR_MODULE_NOT_FOUND" });
    }`;
    const program = `import { register } from "node:module"; register(${JSON.stringify(dataUrl(hook))})`;
    const { report, ended } = await runChild({}, "end", { PATH: "", NODE_OPTIONS: `--import=${dataUrl(program)}` });
    await ended;
    expect(report.code).toBe("REDIS_UNAVAILABLE");
    for (const part of [...advice, "the package testcontainers is not installed"]) {
      expect(report.message).toContain(part);
    }
  });

  test.skipIf(dockerAnswers)("and without a Docker daemon, the error says what to install", async () => {
    const { report, ended } = await runChild({}, "end", { PATH: "", DOCKER_HOST: "unix:///nowhere/docker.sock" });
    await ended;
    expect(report.code).toBe("REDIS_UNAVAILABLE");
    for (const part of [...advice, "container runtime"]) expect(report.message).toContain(part);
  });
});

describe.runIf(hasServerProgram)("a server that is too old for the scripts", () => {
  const old = "Redis server v=6.2.9 sha=00000000:0 malloc=libc bits=64 build=9c3cad30793749e7";

  test("is passed over for a newer one further on in the PATH", async () => {
    const folder = await newFolder();
    writeProgram(join(folder, "redis-server"), old);
    vi.stubEnv("PATH", `${folder}:${process.env["PATH"]}`);
    await using redis = await startRedis();
    expect(redis.source).toBe("process");
    expect(await openClient(redis.url).ping()).toBe("PONG");
  });

  test("is not run where there is no other: the error names it, its version and the one that is needed", async () => {
    const folder = await newFolder();
    writeProgram(join(folder, "redis-server"), old);
    const { report, ended } = await runChild({}, "end", { PATH: folder, DOCKER_HOST: "unix:///nowhere/docker.sock" });
    await ended;
    if (report.source === "docker") return;
    expect(report).toMatchObject({
      code: "REDIS_UNAVAILABLE",
      message: expect.stringContaining(`${join(folder, "redis-server")} is version 6.2.9, and Redis 7.0 or Valkey 7.2`),
    });
  });

  test("is not taken from REDIS_URL", async () => {
    await using newer = await startRedis();
    const server = await redis6(newer);
    onTestFinished(() => server.close());
    vi.stubEnv("REDIS_URL", `redis://${server.host}:${server.port}`);
    await expect(startRedis()).rejects.toThrow(
      `the server at 127.0.0.1:${server.port} is Redis 6.2.9: Redis 7.0 or Valkey 7.2 is needed`,
    );
  });
});

function dataUrl(program: string): string {
  return `data:text/javascript,${encodeURIComponent(program)}`;
}

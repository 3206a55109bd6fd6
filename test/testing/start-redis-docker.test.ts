import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Cluster, Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";

import type { StartRedisOptions } from "../../src/testing/index.js";
import { type ChildReport, runChild } from "./child-program.js";

const dockerAnswers = spawnSync("docker", ["info"], { stdio: "ignore" }).status === 0;

/** Runs a child that finds no server on its PATH while `use` works with the one that it has started. */
async function withContainer(options: StartRedisOptions, use: (report: ChildReport) => Promise<void>): Promise<void> {
  const child = await runChild(options, "stop", { PATH: "/nowhere" });
  try {
    expect(child.report).toMatchObject({ source: "docker", pids: [] });
    await use(child.report);
  } finally {
    child.process.stdin?.end();
    expect(await child.ended).toEqual([0, null]);
  }
}

function openClient(url: string): Redis {
  // Left open until the container is gone, so it must not try to come back.
  const client = new Redis(url, { retryStrategy: () => null });
  onTestFinished(() => client.disconnect());
  return client;
}

function runningContainers(): string {
  return spawnSync("docker", ["ps", "--all", "--filter", "ancestor=redis:7-alpine", "--format", "{{.Ports}}"], {
    encoding: "utf8",
  }).stdout;
}

describe.runIf(dockerAnswers)("without a server program, Docker runs", { timeout: 120_000 }, () => {
  test("one server with extra arguments, gone after stop()", async () => {
    let port: number | undefined;
    await withContainer({ args: ["--enable-debug-command", "yes"] }, async ({ url, nodes }) => {
      port = nodes[0]?.port;
      expect(url).toBe(`redis://${nodes[0]?.host}:${port}`);
      expect(await openClient(url).call("DEBUG", "SLEEP", "0")).toBe("OK");
      expect(runningContainers()).toContain(`:${port}->${port}/tcp`);
    });
    expect(runningContainers()).not.toContain(`:${port}->`);
  });

  test("a cluster that serves keys on all three nodes", async () => {
    await withContainer({ cluster: true }, async ({ nodes }) => {
      const client = new Cluster(nodes);
      const keys = Array.from({ length: 60 }, (_, index) => `key-${index}`);
      await Promise.all(keys.map((key) => client.set(key, key)));
      expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys);
      const sizes = await Promise.all(nodes.map(({ host, port }) => openClient(`redis://${host}:${port}`).dbsize()));
      expect(sizes.every((size) => size > 0)).toBe(true);
      client.disconnect();
    });
  });

  test("a server whose dataDir keeps the data for the next start", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "start-redis-docker-test-"));
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
    await withContainer({ dataDir }, async ({ url }) => {
      await openClient(url).set("key", "value");
    });
    await withContainer({ dataDir }, async ({ url }) => {
      expect(await openClient(url).get("key")).toBe("value");
    });
  });

  test("a server for a program that forgets stop() and still ends", async () => {
    const child = await runChild({}, "end", { PATH: "/nowhere" });
    expect(child.report.source).toBe("docker");
    expect(await child.ended).toEqual([0, null]);
    for (const { port } of child.report.nodes) {
      // Ryuk would remove it, but may be switched off here.
      const [id = ""] = spawnSync("docker", ["ps", "--quiet", "--filter", `publish=${port}`], {
        encoding: "utf8",
      }).stdout.split("\n");
      if (id !== "") spawnSync("docker", ["rm", "--force", id], { stdio: "ignore" });
    }
  });

  test("a server with a wrong argument is reported with the server's own words", async () => {
    const { report } = await runChild({ args: ["--no-such-setting", "1"] }, "end", { PATH: "/nowhere" });
    expect(report).toMatchObject({ code: "REDIS_UNAVAILABLE", message: expect.stringContaining("no-such-setting") });
  });
});

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";

import { findServerProgram } from "../../src/testing/servers/local-servers.js";
import { startRedis } from "../../src/testing/index.js";
import { runChild } from "./child-program.js";
import { leftovers } from "./leftovers.js";

describe.runIf((await findServerProgram()) !== undefined)("servers do not outlive their program", () => {
  test("when it ends without stop()", async () => {
    const { report, ended } = await runChild({}, "end");
    expect(await ended).toEqual([0, null]);
    await expect.poll(() => leftovers(report.pids, report.folders), { timeout: 10_000 }).toEqual([]);
  });

  test("when it is killed", async () => {
    const child = await runChild({}, "wait");
    expect(leftovers(child.report.pids, child.report.folders)).toHaveLength(2);
    child.process.kill("SIGKILL");
    expect(await child.ended).toEqual([null, "SIGKILL"]);
    await expect.poll(() => leftovers(child.report.pids, child.report.folders), { timeout: 10_000 }).toEqual([]);
  });

  test("when it is killed with a cluster", async () => {
    const child = await runChild({ cluster: true }, "wait");
    expect(leftovers(child.report.pids, child.report.folders)).toHaveLength(6);
    child.process.kill("SIGKILL");
    await expect.poll(() => leftovers(child.report.pids, child.report.folders), { timeout: 10_000 }).toEqual([]);
  });

  test("when it is killed with a dataDir, whose data stay", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "redis-lifetime-test-"));
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
    const child = await runChild({ dataDir }, "wait");
    const client = new Redis(child.report.url);
    await client.set("key", "value");
    client.disconnect();
    child.process.kill("SIGKILL");
    await expect.poll(() => leftovers(child.report.pids, []), { timeout: 10_000 }).toEqual([]);

    await using redis = await startRedis({ dataDir });
    const successor = new Redis(redis.url);
    expect(await successor.get("key")).toBe("value");
    successor.disconnect();
  });
});

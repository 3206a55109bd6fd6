// The programs of docs/how-to/cluster-and-sentinel.md, on a real Cluster and under a real Sentinel.
import { afterAll, beforeAll, expect, test } from "vitest";
import { startRedis } from "../../src/testing/index.js";
import { NAME, type SentinelSetup, startSentinelSetup } from "../faults/support/sentinel-setup.js";
import { Page } from "./support/page.js";
import { Site } from "./support/site.js";

const page = new Page("how-to/cluster-and-sentinel.md");
const site = new Site("cluster-and-sentinel", page.files);
const turn = { stdout: "human: Hi, I am Ada.\nai: Hello Ada.\n", stderr: "" };

let sentinel: SentinelSetup;
beforeAll(async () => {
  sentinel = await startSentinelSetup();
  await sentinel.settled();
});
afterAll(() => sentinel.stop());

test("their types are right", async () => {
  expect(await site.typeErrors()).toBe("");
});

test("the program for a Cluster stores a turn on one", async () => {
  await using cluster = await startRedis({ cluster: true });
  const nodes = cluster.nodes.map(({ host, port }) => `${host}:${port}`).join(" ");
  expect(await site.run(["--import", "tsx", "cluster.ts"], { REDIS_NODES: nodes })).toEqual(turn);
});

test("the program for Sentinel stores a turn, before and after a failover", async () => {
  const environment = { SENTINEL: `127.0.0.1:${sentinel.sentinelPort}`, SENTINEL_NAME: NAME };
  const run = () => site.run(["--import", "tsx", "sentinel.ts"], environment);
  expect(await run()).toEqual(turn);
  const primary = await sentinel.primary();
  await primary.server.kill();
  expect((await run()).stdout).toBe(turn.stdout);
  await expect.poll(() => sentinel.failovers()).toBe(1);
});

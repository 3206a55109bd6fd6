// doctor, on servers that are set up well, badly, or not to be looked at.
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, inject, test, vi } from "vitest";
import { type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { scriptedCommands } from "../../src/cli/doctor/rights.js";
import { grantedCommands, grants } from "../support/acl.js";
import { closingIn } from "../support/closing.js";
import { cli, objects, type Ran } from "./support/program.js";

const { cluster } = inject("servers");
const { closing, keep } = closingIn(afterAll);

let redis: RunningRedis;
let admin: Redis;
let replica: RunningRedis;
beforeAll(async () => {
  [redis, replica] = await Promise.all([
    startRedis({ args: ["--repl-diskless-sync-delay", "0"] }),
    startRedis({ args: ["--databases", "4"] }),
  ]);
  closing.push(() => Promise.all([redis.stop(), replica.stop()]));
  admin = keep(new Redis(redis.url));
});

const doctor = (environment: Readonly<Record<string, string>> = {}): Promise<Ran> =>
  cli(["doctor", "--json"], { REDIS_URL: redis.url, ...environment });

interface Report {
  readonly ok: boolean;
  readonly checks: readonly { check: string; verdict: string; found: string; advice?: string; nodes?: string[] }[];
}

function reportOf(ran: Ran): Report {
  return objects(ran)[0] as Report;
}

/** The verdicts by the names of the checks. */
function verdictsOf(ran: Ran): Record<string, string> {
  return Object.fromEntries(reportOf(ran).checks.map(({ check, verdict }) => [check, verdict]));
}

const well = {
  appendonly: "yes",
  appendfsync: "everysec",
  "maxmemory-policy": "noeviction",
  maxmemory: "100mb",
  "min-replicas-to-write": "0",
};
const set = async (settings: Partial<typeof well>): Promise<void> => {
  for (const [name, value] of Object.entries({ ...well, ...settings })) await admin.config("SET", name, value);
};
const checkNames = "version persistence eviction memory replicas cluster scripts rights clock latency";
const everythingOk = Object.fromEntries(checkNames.split(" ").map((name) => [name, "ok"]));

test("a Redis that is set up well has nothing to change", async () => {
  await set({});
  const ran = await doctor();
  // How fast this machine is, is not what is tested.
  expect({ ...verdictsOf(ran), latency: "ok" }).toEqual(everythingOk);
  expect(reportOf(ran).checks.at(-1)?.found).toMatch(/^median \d+\.\d ms, 99 % \d+\.\d ms, longest \d+\.\d ms$/);
  expect(ran.code).toBe(reportOf(ran).ok ? 0 : 1);
});

test("each setting that loses data is found, with what to do, and the exit code is 1", async () => {
  const wrong: [Partial<Record<keyof typeof well, string>>, check: string, advice: string][] = [
    [{ appendonly: "no" }, "persistence", "appendonly yes"],
    [{ appendfsync: "no" }, "persistence", "appendfsync everysec"],
    [{ "maxmemory-policy": "allkeys-lru" }, "eviction", "noeviction"],
    [{ maxmemory: "0" }, "memory", "maxmemory"],
    [{ maxmemory: String(1_500_000) }, "memory", "Raise"],
  ];
  for (const [settings, check, advice] of wrong) {
    await set(settings);
    const ran = await doctor();
    expect({ ...verdictsOf(ran), latency: "ok" }).toEqual({ ...everythingOk, [check]: "change" });
    expect(reportOf(ran).checks.find((one) => one.check === check)?.advice).toContain(advice);
    expect(ran.code).toBe(1);
  }
  await set({});
});

test("replicas need min-replicas-to-write or WAIT, and a replica is no place for a service", async () => {
  const copy = keep(new Redis(replica.url));
  await copy.replicaof(redis.host, redis.port);
  await vi.waitFor(async () => expect(await admin.info("replication")).toContain("state=online"), {
    timeout: 20_000,
    interval: 50,
  });
  const without = await doctor();
  expect(verdictsOf(without)).toMatchObject({ replicas: "change" });
  expect(without.out).toContain("min-replicas-to-write 1");
  await set({ "min-replicas-to-write": "1" });
  expect(verdictsOf(await doctor())).toMatchObject({ replicas: "ok" });
  const ran = await doctor({ REDIS_URL: replica.url });
  expect(reportOf(ran).checks.find(({ check }) => check === "replicas")?.found).toBe("this is a replica");
  await copy.replicaof("NO", "ONE");
  await set({});
});

test("the service's own user has every right that is looked at, and what it may not ask is unknown, not wrong", async () => {
  await admin.acl("SETUSER", "service", "reset", "on", ">pw", ...grants);
  const user = { REDIS_URL: redis.url.replace("//", "//service@"), REDIS_PASSWORD: "pw" };
  const ran = await doctor(user);
  expect({ ...verdictsOf(ran), latency: "ok" }).toEqual({ ...everythingOk, persistence: "unknown" });
  await admin.acl("SETUSER", "service", "-info");
  const blind = {
    version: "unknown",
    persistence: "unknown",
    eviction: "unknown",
    memory: "unknown",
    replicas: "unknown",
  };
  expect({ ...verdictsOf(await doctor(user)), latency: "ok" }).toEqual({ ...everythingOk, ...blind });
});

test("each right that the library needs is missed, the channels and the keys too, and looking writes nothing", async () => {
  const before = await admin.dbsize();
  const names = scriptedCommands.map((command) => command.split(" ")[0] ?? "");
  const outside = new Set(["evalsha", "eval", "info", "subscribe", "unsubscribe", "publish"]);
  expect(names.toSorted()).toEqual(grantedCommands.filter((name) => !outside.has(name)).toSorted());
  const missing = async (...rules: readonly string[]): Promise<string> => {
    await admin.acl("SETUSER", "service", "reset", "on", ">pw", ...grants, ...rules);
    const ran = await doctor({ REDIS_URL: redis.url.replace("//", "//service@"), REDIS_PASSWORD: "pw" });
    expect(ran.code).toBe(1);
    return reportOf(ran).checks.find(({ check }) => check === "rights")?.found ?? "";
  };
  expect(await missing(...names.map((name) => `-${name}`))).toBe(`refused: ${names.join(", ")}`);
  expect(await missing("resetchannels")).toBe("refused: publish, subscribe");
  expect(await missing("-subscribe")).toBe("refused: subscribe");
  expect(await missing("resetkeys", "~other:*")).toBe("refused: a script, or keys that begin with chat:");
  expect(await admin.dbsize()).toBe(before);
});

test("without EVALSHA the check of scripts says so", async () => {
  await admin.acl("SETUSER", "service", "reset", "on", ">pw", ...grants, "-evalsha");
  const ran = await doctor({ REDIS_URL: redis.url.replace("//", "//service@"), REDIS_PASSWORD: "pw" });
  expect(verdictsOf(ran)).toMatchObject({ scripts: "change" });
});

test("of a Cluster each primary is looked at, and one that differs is named", async () => {
  const nodes = cluster.map((node) => keep(new Redis({ ...node })));
  const url = `redis://${cluster[0]?.host}:${cluster[0]?.port}`;
  await nodes[2]?.config("SET", "maxmemory-policy", "allkeys-lru");
  const { checks } = reportOf(await doctor({ REDIS_URL: url }));
  await nodes[2]?.config("SET", "maxmemory-policy", "noeviction");
  const names = cluster.map(({ host, port }) => `${host}:${port}`);
  const eviction = checks.filter(({ check }) => check === "eviction");
  expect(eviction.find(({ verdict }) => verdict === "change")?.nodes).toEqual([names[2]]);
  expect(eviction.find(({ verdict }) => verdict === "ok")?.nodes?.toSorted()).toEqual(names.slice(0, 2).toSorted());
  expect(checks.find(({ check }) => check === "cluster")?.found).toBe("3 primaries, 16384 of 16384 slots served");
  expect(checks.filter(({ check }) => ["scripts", "rights"].includes(check)).map(({ verdict }) => verdict)).toEqual([
    "ok",
    "ok",
  ]);
});

// P2 under fire: the server runs a write, and its reply never arrives.
import { Redis } from "ioredis";
import { afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import type { RedisClient } from "langchain-redis-sessions";
import { fromNodeRedis } from "langchain-redis-sessions/node-redis";
import { closingIn } from "../support/closing.js";
import { type Connected, connected, nodeRedisVersions, rootNodes } from "../support/node-redis.js";
import type { Address } from "../support/start-servers.js";
import { clusterThrough } from "../support/topologies.js";
import { isSealed } from "../support/sealed.js";
import { freshId } from "../support/turns.js";
import { amount, choicesFor, progress, report, whole } from "./support/run.js";
import { erasure } from "./support/erasure.js";
import { graphOperations } from "./support/graph-operations.js";
import { loseReplies, meetingOf, scripts } from "./support/lost-batch.js";
import { libraryOn, readsFirst, type WriteOperation } from "./support/write-operation.js";
import { writeOperations } from "./support/write-operations.js";

const LOST = amount(24, 10_000);
const CONTROL = amount(4, 100);
/** By node-redis, told to the caller: each takes twenty-one connections. */
const TOLD = amount(2, 50);
/** At once on the Cluster. */
const BATCH = whole ? 512 : 32;
/** Far more than it takes: else no reply is lost. */
const ROUNDS = LOST;
const choices = choicesFor("lost replies");
const operations = [...writeOperations, erasure];
const some = (): readonly WriteOperation[] => {
  if (whole || isSealed) return operations;
  const others = operations.filter((operation) => !graphOperations.includes(operation));
  return [...choices.shuffled(others).slice(0, 4), ...graphOperations];
};
const servers = inject("servers");
const local = "127.0.0.1";

const { closing, keep, through } = closingIn(afterEach);

const nodeRedis = whole ? nodeRedisVersions : nodeRedisVersions.slice(-1);

async function connectedBy(
  library: Parameters<typeof fromNodeRedis>[0] & Connected & { destroy(): void },
): Promise<RedisClient> {
  await connected(library);
  closing.push(() => library.destroy());
  return fromNodeRedis(library);
}

type Detours = ReadonlyMap<Address, Address>;

const onCluster: readonly {
  readonly by: string;
  readonly connect: (detours: Detours) => RedisClient | Promise<RedisClient>;
}[] = [
  {
    by: "ioredis 6",
    connect: (detours) => keep(clusterThrough(detours, { retryDelayOnFailover: 2, maxRedirections: 1_000 })),
  },
  ...nodeRedis.map(({ version, createCluster }) => ({
    by: version,
    connect: (detours: Detours) => {
      const nodeAddressMap = Object.fromEntries(
        [...detours].map(([{ host, port }, detour]) => [`${host}:${port}`, detour]),
      );
      const defaults = { socket: { reconnectStrategy: 1 } };
      return connectedBy(createCluster({ rootNodes: rootNodes([...detours.values()]), nodeAddressMap, defaults }));
    },
  })),
];

/** The servers know the scripts from then on: what gets lost is a reply, not NOSCRIPT. */
beforeAll(async () => {
  const direct = [
    new Redis({ ...servers.single }),
    clusterThrough(new Map(servers.cluster.map((node) => [node, node]))),
  ];
  for (const client of direct) {
    const library = libraryOn(client, 60);
    const prepared = await Promise.all(
      operations.flatMap(({ prepare }) => Array.from({ length: 12 }, () => prepare(library))),
    );
    await Promise.all(prepared.map(({ act }) => act(library, {})));
    client.disconnect();
  }
});

describe("on one Redis, the caller is told, somebody else writes, and the caller repeats", () => {
  test.each(some())("$name took effect once", async (operation) => {
    const proxy = await through(servers.single);
    const client = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: 0, retryStrategy: () => 1 }));
    const direct = keep(new Redis({ ...servers.single }));
    let [lost, wrong, controls, seen] = [0, 0, 0, 0];
    const enough = (): boolean => lost >= LOST;
    for (let round = 0; !enough(); round++) {
      expect(round, "replies are lost").toBeLessThan(ROUNDS);
      const batch = await loseReplies(operation, { client, proxy, direct });
      await Promise.all(
        batch.map(async ({ write: { between, once }, repeat }) => {
          const control = controls < CONTROL && lost >= LOST / 2;
          if (control) controls += 1;
          else lost += 1;
          await between();
          const how = control ? "unprotected" : "protected";
          const repeated = await repeat(how).catch((error: unknown) => error);
          const right = await once(repeated, "between").catch(() => false);
          if (control && !right) seen += 1;
          if (!control && !right) wrong += 1;
        }),
      );
      progress(`${operation.name}, replies lost`, lost, LOST);
    }
    expect(wrong).toBe(0);
    expect(controls).toBeGreaterThan(0);
    expect(seen, "the control fails").toBe(controls);
    report("lost-replies", {
      write: operation.name,
      on: "one Redis",
      "replies lost": lost,
      "not once": wrong,
      control: `${seen} of ${controls} not once`,
    });
  });
});

/** They send again by themselves: here so often that each gives up. */
describe.each(nodeRedis)(
  "on one Redis by $version, the caller is told, somebody else writes, and the caller repeats",
  (by) => {
    const told = some().filter(({ kind }) => kind === undefined);

    test.each(told.slice(0, whole ? undefined : 1))("$name took effect once", async ({ name, prepare }) => {
      const proxy = await through(servers.single);
      const library = libraryOn(
        await connectedBy(by.createClient({ socket: { port: proxy.port, reconnectStrategy: 1 } })),
      );
      const beside = libraryOn(keep(new Redis({ ...servers.single })));
      const act = async (how: "protected" | "unprotected"): Promise<boolean> => {
        const { act: write, between, once } = await prepare(beside);
        const operationId = freshId();
        proxy.dropReplies({ command: scripts, count: 1_000 });
        const error: unknown = await write(library, { operationId }).catch((reason: unknown) => reason);
        await proxy.heal();
        expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate: true, operationId });
        await between();
        const repeated = await write(library, how === "protected" ? { operationId } : {}).catch(
          (reason: unknown) => reason,
        );
        return once(repeated, "between").catch(() => false);
      };
      let wrong = 0;
      for (let round = 0; round < TOLD; round++) if (!(await act("protected"))) wrong += 1;
      expect(wrong).toBe(0);
      expect(await act("unprotected"), "the control fails").toBe(false);
      report("lost-replies", {
        write: name,
        on: `one Redis, ${by.version}`,
        "replies lost": TOLD,
        "not once": wrong,
        control: "1 of 1 not once",
      });
    });
  },
);

describe.each(onCluster)("on a Cluster by $by, the client sends it again", ({ by, connect }) => {
  test.each(by === "ioredis 6" ? some() : some().slice(0, whole ? undefined : 2))(
    "$name took effect once",
    async (operation) => {
      const proxies = await Promise.all(servers.cluster.map(through));
      const detours = new Map(
        servers.cluster.map((node, index) => [node, { host: local, port: proxies[index]?.port ?? 0 }]),
      );
      const client = await connect(detours);
      const direct = keep(clusterThrough(new Map(servers.cluster.map((node) => [node, node]))));
      const nodes = servers.cluster.map((node) => keep(new Redis({ ...node })));
      const calls = async (): Promise<number> => {
        const stats = await Promise.all(nodes.map((node) => node.info("commandstats")));
        return stats.reduce((sum, text) => sum + Number(/cmdstat_evalsha:calls=(\d+)/.exec(text)?.[1] ?? 0), 0);
      };
      const [library, beside] = [libraryOn(client, 60), libraryOn(direct)];
      let [lost, wrong] = [0, 0];
      // Others use the Cluster too in `npm run test:programs`; there it is only known that some were lost.
      for (let round = 0; lost < LOST; round++) {
        expect(round, "replies are lost").toBeLessThan(ROUNDS);
        const batch = await Promise.all(Array.from({ length: BATCH }, async () => operation.prepare(beside)));
        let before = 0;
        const fault = meetingOf(readsFirst(operation) ? BATCH : 1, async () => {
          before = await calls();
          for (const proxy of proxies) proxy.dropReplies({ command: scripts });
        });
        if (!readsFirst(operation)) await fault.join();
        const beforeWrite = readsFirst(operation) ? fault.join : undefined;
        const results = await Promise.all(
          batch.map(({ act }) => act(library, { operationId: freshId() }, beforeWrite)),
        );
        for (const proxy of proxies) await proxy.heal();
        const executed = await calls();
        lost +=
          operation.kind === "erasure"
            ? batch.filter(({ resent }, index) => resent?.(results[index])).length
            : Math.max(0, executed - before - batch.length);
        const right = await Promise.all(batch.map(({ once }, index) => once(results[index], "alone")));
        wrong += right.filter((one) => !one).length;
        progress(`${operation.name}, replies lost on a Cluster`, lost, LOST);
      }
      expect(wrong).toBe(0);
      expect(proxies.reduce((sum, { faults }) => sum + faults, 0)).toBeGreaterThan(0);
      report("lost-replies", {
        write: operation.name,
        on: by === "ioredis 6" ? "Cluster of three" : `Cluster of three, ${by}`,
        "replies lost": lost,
        "not once": wrong,
        control: "see RPUSH",
      });
    },
  );
});

describe("on a Cluster", () => {
  test("control: a plain RPUSH is stored more than once", async () => {
    const proxies = await Promise.all(servers.cluster.map(through));
    const detours = new Map(
      servers.cluster.map((node, index) => [node, { host: local, port: proxies[index]?.port ?? 0 }]),
    );
    const client = keep(clusterThrough(detours, { retryDelayOnFailover: 2, maxRedirections: 1_000 }));
    const keys = Array.from({ length: CONTROL * 8 }, freshId);
    for (const proxy of proxies) proxy.dropReplies({ command: "RPUSH" });
    await Promise.all(keys.map((key) => client.rpush(key, "once")));
    const lengths = await Promise.all(keys.map((key) => client.llen(key)));
    const doubled = lengths.filter((length) => length > 1).length;
    expect(doubled).toBeGreaterThan(0);
    report("lost-replies", {
      write: "RPUSH (control)",
      on: "Cluster of three",
      "replies lost": doubled,
      "not once": doubled,
      control: `${doubled} of ${keys.length} not once`,
    });
    await Promise.all(keys.map((key) => client.del(key)));
  });
});

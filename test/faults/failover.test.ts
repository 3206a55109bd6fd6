// Another server takes over under load: what was waited for is there, whatever else is lost.
import { setTimeout as pause } from "node:timers/promises";
import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RedisChatMessageHistory, type RedisClient } from "langchain-redis-sessions";
import { findServerProgram } from "../../src/testing/servers/local-servers.js";
import { clusterWithReplicas, type ReplicatedCluster, untilTrue } from "../support/cluster-with-replicas.js";
import { NAME, type SentinelSetup, startSentinelSetup } from "./support/sentinel-setup.js";
import { amount, choicesFor, progress, report, type Row, whole } from "./support/run.js";
import { TurnHistory, violations } from "./support/turn-history.js";
import { appendOnce, startWriters } from "./support/writers.js";

const choices = choicesFor("failover");
const local = (await findServerProgram()) !== undefined;

interface Load {
  /** By how many replicas each write waits for. */
  readonly histories: ReadonlyMap<number, TurnHistory>;
  readonly stop: () => Promise<void>;
}

/** For each number of replicas, writers that wait for so many, each on a connection of its own. */
function startLoad(connect: () => RedisClient, writers: number, replicas: readonly number[]): Load {
  const histories = new Map(replicas.map((count) => [count, new TurnHistory()]));
  const clients = new Map<string, RedisClient>();
  const clientOf = (conversation: string): RedisClient => {
    const client = clients.get(conversation) ?? connect();
    clients.set(conversation, client);
    return client;
  };
  const start = (history: TurnHistory, count: number): ReturnType<typeof startWriters> =>
    startWriters(writers, (conversation, text) => {
      // One in ten stays unknown when it fails.
      const repetitions = choices.below(10) === 0 ? 0 : 10_000;
      const wait = count === 0 ? undefined : { replicas: count, timeout: 0.5 };
      const options = { client: clientOf(conversation), deadline: 2, wait };
      return appendOnce(text, { options, conversation, history, repetitions });
    });
  const running = [...histories].map(([count, history]) => start(history, count));
  return {
    histories,
    stop: async () => {
      await Promise.all(running.map(({ stop }) => stop()));
    },
  };
}

/** More was acknowledged since. */
async function goesOn({ histories }: Load, ...replicas: readonly number[]): Promise<void> {
  await Promise.all(
    replicas.map(async (count) => {
      const acknowledged = (): number => histories.get(count)?.count("acknowledged") ?? 0;
      const before = acknowledged();
      await untilTrue(async () => acknowledged() > before + 20, "writes go on");
    }),
  );
}

/**
 * Whichever replica is promoted, what all of them have is there.
 *
 * @param all how many replicas there are.
 * @returns which promises were broken to those that waited for all: none.
 */
async function tell(
  where: string,
  { histories }: Load,
  client: RedisClient,
  failovers: number,
  all: number,
): Promise<Row | undefined> {
  const broken = new Map<number, Row>();
  for (const [count, history] of histories) {
    const read = (sessionId: string) =>
      new RedisChatMessageHistory({ client, sessionId, deadline: "20s" }).getMessages();
    const verdict = await history.check(read);
    broken.set(count, violations(verdict));
    const wait = count === 0 ? "off (control)" : `{ replicas: ${count} }`;
    report("failover", { where, wait, failovers, ...verdict });
  }
  for (const { lost: _, ...others } of broken.values()) expect(others, "never twice or in part").toEqual({});
  if (whole) expect(broken.get(0)?.["lost"], "the control loses").toBeGreaterThan(0);
  return broken.get(all);
}

describe.skipIf(!local || !whole)("under Sentinel", () => {
  const FAILOVERS = amount(1, 20);
  let setup: SentinelSetup;
  const clients: Redis[] = [];
  beforeAll(async () => {
    setup = await startSentinelSetup();
  });
  afterAll(async () => {
    for (const client of clients) client.disconnect();
    await setup.stop();
  });
  const connect = (): Redis => {
    const natMap = Object.fromEntries(
      setup.members.map(({ link, server }) => [`127.0.0.1:${link.port}`, { host: "127.0.0.1", port: server.port }]),
    );
    const client = new Redis({
      sentinels: [{ host: "127.0.0.1", port: setup.sentinelPort }],
      name: NAME,
      natMap,
      sentinelRetryStrategy: () => 20,
      retryStrategy: () => 20,
      maxRetriesPerRequest: null,
    });
    client.on("error", () => {});
    clients.push(client);
    return client;
  };

  test("replication falls silent, the primary dies, a replica is promoted", async () => {
    const load = startLoad(connect, 3, [0, 1, 2]);
    for (let round = 1; round <= FAILOVERS; round++) {
      await goesOn(load, 0, 1, 2);
      const old = await setup.primary();
      // Sentinel asks through the link as well, and takes the primary for down.
      old.link.sever();
      await pause(20 + choices.below(100));
      await old.server.kill();
      await untilTrue(async () => (await setup.primary()) !== old, "another is promoted");
      const now = await setup.primary();
      // Two replicas there are again only when the old primary has come back as one.
      await goesOn(load, 0, 1);
      old.link.mend();
      await old.server.start("--replicaof", "127.0.0.1", String(now.link.port));
      await setup.settled();
      progress("Sentinel failovers", round, FAILOVERS);
    }
    await load.stop();
    const { direct } = await setup.primary();
    expect(await tell("Sentinel and two replicas: links cut, then SIGKILL", load, direct, FAILOVERS, 2)).toEqual({});
  });
});

describe.skipIf(!local || !whole)("on a Cluster", () => {
  const FAILOVERS = amount(1, 20);
  let cluster: ReplicatedCluster;
  const clients: Cluster[] = [];
  beforeAll(async () => {
    cluster = await clusterWithReplicas([1, 1, 1], ["--enable-debug-command", "yes"]);
  });
  afterAll(async () => {
    for (const client of clients) client.disconnect();
    await cluster.stop();
  });
  const connect = (): Cluster => {
    const nodes = [...cluster.primaries, ...cluster.replicas].map(({ host, port }) => ({ host, port }));
    const client = new Cluster(nodes, { retryDelayOnFailover: 20, retryDelayOnClusterDown: 20, maxRedirections: 100 });
    client.on("error", () => {});
    clients.push(client);
    return client;
  };
  const rolesOf = async (): Promise<boolean[]> =>
    Promise.all(
      [...cluster.primaries, ...cluster.replicas].map(async ({ client }) => (await client.role())[0] === "master"),
    );

  test("a replica takes over while its primary still takes writes", async () => {
    const load = startLoad(connect, 6, [0, 1]);
    for (let round = 1; round <= FAILOVERS; round++) {
      await goesOn(load, 0, 1);
      const nodes = [...cluster.primaries, ...cluster.replicas];
      const before = await rolesOf();
      const replica = choices.one(nodes.filter((_, index) => before[index] === false));
      await replica.client.call("CLUSTER", "FAILOVER", "TAKEOVER");
      await untilTrue(async () => (await rolesOf()).filter(Boolean).length === 3, "there are three primaries again");
      await untilTrue(async () => {
        const infos = await Promise.all(nodes.map(({ client }) => client.info("replication")));
        return infos.every((info) => info.includes("role:master") || info.includes("master_link_status:up"));
      }, "the replicas follow");
      progress("Cluster failovers", round, FAILOVERS);
    }
    await goesOn(load, 0, 1);
    await load.stop();
    expect(await tell("Cluster, one replica each: TAKEOVER", load, connect(), FAILOVERS, 1)).toEqual({});
  });
});

// Another server takes over under load: what was waited for is there, whatever else is lost.
import { setTimeout as pause } from "node:timers/promises";
import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RedisChatMessageHistory, type RedisClient } from "langchain-redis-sessions";
import { findServerProgram } from "../../src/testing/servers/local-servers.js";
import { clusterWithReplicas, type ReplicatedCluster, untilTrue } from "../support/cluster-with-replicas.js";
import { NAME, type SentinelSetup, startSentinelSetup } from "./support/sentinel-setup.js";
import { amount, choicesFor, progress, report, whole } from "./support/run.js";
import { TurnHistory, type Verdict, violations } from "./support/turn-history.js";
import { appendOnce, startWriters } from "./support/writers.js";

const WAIT = { replicas: 1, timeout: 0.5 } as const;
const choices = choicesFor("failover");
const local = (await findServerProgram()) !== undefined;

interface Load {
  readonly waiting: TurnHistory;
  readonly plain: TurnHistory;
  readonly stop: () => Promise<void>;
}

/** Writers that wait for a replica, each on a connection of its own, and as many that do not. */
function startLoad(connect: () => RedisClient, writers: number): Load {
  const [waiting, plain] = [new TurnHistory(), new TurnHistory()];
  const clients = new Map<string, RedisClient>();
  const clientOf = (conversation: string): RedisClient => {
    const client = clients.get(conversation) ?? connect();
    clients.set(conversation, client);
    return client;
  };
  const start = (history: TurnHistory, wait: typeof WAIT | undefined): ReturnType<typeof startWriters> =>
    startWriters(writers, (conversation, text) => {
      // One in ten stays unknown when it fails.
      const repetitions = choices.below(10) === 0 ? 0 : 10_000;
      const options = { client: clientOf(conversation), deadline: 2, wait };
      return appendOnce(text, { options, conversation, history, repetitions });
    });
  const running = [start(waiting, WAIT), start(plain, undefined)];
  return {
    waiting,
    plain,
    stop: async () => {
      await Promise.all(running.map(({ stop }) => stop()));
    },
  };
}

const check = (history: TurnHistory, client: RedisClient): Promise<Verdict> =>
  history.check((sessionId) => new RedisChatMessageHistory({ client, sessionId, deadline: "20s" }).getMessages());

/** More was acknowledged since. */
async function goesOn(history: TurnHistory): Promise<void> {
  const before = history.count("acknowledged");
  await untilTrue(async () => history.count("acknowledged") > before + 20, "writes go on");
}

function tell(where: string, failovers: number, verdicts: { waiting: Verdict; plain: Verdict }): void {
  const { lost, ...others } = violations(verdicts.plain);
  expect(violations(verdicts.waiting), "with wait").toEqual({});
  expect(others, "without wait: lost perhaps, never twice or in part").toEqual({});
  report("failover", { where, wait: "{ replicas: 1 }", failovers, ...verdicts.waiting });
  report("failover", { where, wait: "off (control)", failovers, ...verdicts.plain });
  if (whole) expect(lost, "the control loses").toBeGreaterThan(0);
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
    const load = startLoad(connect, 4);
    for (let round = 1; round <= FAILOVERS; round++) {
      await Promise.all([goesOn(load.waiting), goesOn(load.plain)]);
      const old = await setup.primary();
      // Sentinel asks through the link as well, and takes the primary for down.
      old.link.sever();
      await pause(20 + choices.below(100));
      await old.server.kill();
      await untilTrue(async () => (await setup.primary()) !== old, "another is promoted");
      const now = await setup.primary();
      await Promise.all([goesOn(load.waiting), goesOn(load.plain)]);
      old.link.mend();
      await old.server.start("--replicaof", "127.0.0.1", String(now.link.port));
      await setup.settled();
      progress("Sentinel failovers", round, FAILOVERS);
    }
    await load.stop();
    const { direct } = await setup.primary();
    tell("Sentinel, link cut, then SIGKILL", FAILOVERS, {
      waiting: await check(load.waiting, direct),
      plain: await check(load.plain, direct),
    });
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
    const load = startLoad(connect, 6);
    for (let round = 1; round <= FAILOVERS; round++) {
      await Promise.all([goesOn(load.waiting), goesOn(load.plain)]);
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
    await Promise.all([goesOn(load.waiting), goesOn(load.plain)]);
    await load.stop();
    const client = connect();
    tell("Cluster, TAKEOVER", FAILOVERS, {
      waiting: await check(load.waiting, client),
      plain: await check(load.plain, client),
    });
  });
});

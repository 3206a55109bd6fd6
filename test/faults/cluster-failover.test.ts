// A replica takes over on a Cluster under load: what it was waited for to have is there, whatever else is lost.
import { Cluster } from "ioredis";
import { RedisChatMessageHistory, type RedisClient } from "langchain-redis-sessions";
import { fromNodeRedis } from "langchain-redis-sessions/node-redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findServerProgram } from "../../src/testing/servers/local-servers.js";
import {
  type ClusterNode,
  clusterWithReplicas,
  type ReplicatedCluster,
  untilTrue,
} from "../support/cluster-with-replicas.js";
import { type NodeRedis, nodeRedisVersions, rootNodes } from "../support/node-redis.js";
import { freshId, texts, turn } from "../support/turns.js";
import { FailoverLoad } from "./support/failover-load.js";
import { amount, choicesFor, progress, whole } from "./support/run.js";

const FAILOVERS = amount(1, 20);
const LONG = { timeout: amount(60_000, 1_800_000) };
const choices = choicesFor("Cluster failover");

describe.skipIf((await findServerProgram()) === undefined)("on a Cluster (needs a server program on the PATH)", () => {
  let cluster: ReplicatedCluster;
  let nodes: readonly ClusterNode[];
  const closing: (() => unknown)[] = [];
  beforeAll(async () => {
    cluster = await clusterWithReplicas([1, 1, 1], "severable links");
    nodes = [...cluster.primaries, ...cluster.replicas];
  });
  afterAll(async () => {
    for (const close of closing) close();
    await cluster.stop();
  });
  const byIoredis = (): RedisClient => {
    const client = new Cluster(
      nodes.map(({ host, port }) => ({ host, port })),
      {
        natMap: Object.fromEntries(nodes.map(({ link, host, port }) => [`${host}:${link.port}`, { host, port }])),
        retryDelayOnFailover: 20,
        retryDelayOnClusterDown: 20,
        maxRedirections: 100,
      },
    );
    client.on("error", () => {});
    closing.push(() => client.disconnect());
    return client;
  };
  const byNodeRedis = ({ createCluster }: NodeRedis): RedisClient => {
    const client = createCluster({
      rootNodes: rootNodes(nodes),
      nodeAddressMap: Object.fromEntries(nodes.map(({ link, host, port }) => [`${host}:${link.port}`, { host, port }])),
    });
    client.on("error", () => {});
    void client.connect();
    closing.push(() => client.destroy());
    return fromNodeRedis(client);
  };
  const clients = [
    { version: "ioredis 6", connect: byIoredis },
    ...nodeRedisVersions.map((by) => ({
      version: by.version,
      connect: () => byNodeRedis(by),
    })),
  ];
  const primaries = async (): Promise<readonly ClusterNode[]> => {
    const roles = await Promise.all(nodes.map(({ client }) => client.role().catch(() => ["away"])));
    return nodes.filter((_, index) => roles[index]?.[0] === "master");
  };
  /** Three primaries, a replica in step with each, and all of one mind about it. */
  const settled = (): Promise<void> =>
    untilTrue(async () => {
      const [infos, views] = await Promise.all([
        Promise.all(nodes.map(({ client }) => client.info("replication"))),
        Promise.all(nodes.map(async ({ client }) => String(await client.call("CLUSTER", "NODES")))),
      ]).catch(() => [[], []]);
      const count = (text: string): number => infos.filter((info) => info.includes(text)).length;
      return (
        count("role:master") === 3 &&
        count("connected_slaves:1") === 3 &&
        count("master_link_status:up") === 3 &&
        views.every((view) => !view.includes("fail") && (view.match(/ (?:myself,)?slave /g)?.length ?? 0) === 3)
      );
    }, "each primary has its replica");
  /** That copies from this primary. */
  const replicaOf = async ({ link }: ClusterNode): Promise<ClusterNode> => {
    const roles = await Promise.all(nodes.map(({ client }) => client.role()));
    const index = roles.findIndex(([role, , port]) => role === "slave" && port === link.port);
    return nodes[index] ?? expect.unreachable();
  };
  const ownerOf = async (conversation: string): Promise<ClusterNode> => {
    const slot = Number(await nodes[0]?.client.call("CLUSTER", "KEYSLOT", `{${conversation}}`));
    const ranges = (await nodes[0]?.client.call("CLUSTER", "SLOTS")) as [number, number, [string, number]][];
    const port = ranges.find(([from, to]) => from <= slot && slot <= to)?.[2][1];
    return nodes.find(({ link }) => link.port === port) ?? expect.unreachable();
  };

  /** Which node holds which of them. */
  const heldBy = async (conversations: readonly string[]): Promise<ReadonlyMap<ClusterNode, ReadonlySet<string>>> => {
    const held = new Map<ClusterNode, Set<string>>();
    const owners = await Promise.all(conversations.map(ownerOf));
    for (const [index, owner] of owners.entries()) {
      held.set(owner, (held.get(owner) ?? new Set()).add(conversations[index] ?? ""));
    }
    return held;
  };

  /** A primary that has what was waited for, so that this can be lost, and some of the control's, which has to be. */
  const victim = async (load: FailoverLoad): Promise<{ node: ClusterNode; control: ReadonlySet<string> }> => {
    const [control, waiting] = await Promise.all([heldBy(load.conversations(0)), heldBy(load.conversations(1))]);
    const both = [...control].flatMap(([node, held]) => (waiting.has(node) ? [{ node, control: held }] : []));
    expect(both.length).toBeGreaterThan(0);
    return choices.one(both);
  };

  /** How many became primaries of themselves. */
  const unaskedSince = async (before: readonly ClusterNode[], heir: ClusterNode): Promise<number> =>
    (await primaries()).filter((node) => node !== heir && !before.includes(node)).length;

  test.each(whole ? clients : clients.slice(0, 1))(
    "replication falls silent, a primary dies, its replica is elected, by $version",
    LONG,
    async ({ version, connect }) => {
      const load = new FailoverLoad(connect, { writers: 9, replicas: [0, 1], choices });
      let unasked = 0;
      for (let round = 1; round <= FAILOVERS; round++) {
        await load.goesOn(0, 1);
        const before = await primaries();
        const { node: old, control } = await victim(load);
        const heir = await replicaOf(old);
        load.beginFailover();
        await load.cutAndKill(
          () => old.link.sever(),
          () => old.server.kill(),
          control,
        );
        await untilTrue(async () => (await primaries()).includes(heir), "the replica is elected");
        await load.goesOn(0);
        old.link.mend();
        await old.server.start();
        await settled();
        unasked += await unaskedSince(before, heir);
        progress("Cluster failovers after SIGKILL", round, FAILOVERS);
      }
      await load.stop();
      const { broken, lostByControl } = await load.tell("cluster-failover", {
        client: connect(),
        all: 1,
        about: { client: version, failover: "links cut, then SIGKILL", failovers: FAILOVERS, unasked },
      });
      expect(broken).toEqual([]);
      expect(lostByControl, "the control loses").toBeGreaterThan(0);
    },
  );

  // node-redis 5 asks for the nodes of a Cluster only when one that it knows sends it elsewhere.
  test.each(clients.filter(({ version }) => version !== "node-redis 5"))(
    "a conversation goes on with the replica while its primary stays away, by $version",
    LONG,
    async ({ connect }) => {
      const sessionId = freshId();
      const history = new RedisChatMessageHistory({ client: connect(), sessionId, deadline: 2 });
      await history.addMessages(turn("before"));
      const old = await ownerOf(sessionId);
      await old.server.kill();
      const operationId = freshId();
      await untilTrue(() => history.addMessages(turn("after"), { operationId }).then(() => true), "it is stored");
      expect(texts(await history.getMessages()).slice(-2)).toEqual(["after", "re: after"]);
      await old.server.start();
      await settled();
    },
  );

  test.runIf(whole)("a replica takes over while its primary still takes writes", LONG, async () => {
    const load = new FailoverLoad(byIoredis, { writers: 9, replicas: [0, 1], choices });
    let unasked = 0;
    for (let round = 1; round <= FAILOVERS; round++) {
      await load.goesOn(0, 1);
      const before = await primaries();
      const heir = await replicaOf((await victim(load)).node);
      load.beginFailover();
      await heir.client.call("CLUSTER", "FAILOVER", "TAKEOVER");
      await untilTrue(async () => (await primaries()).includes(heir), "the replica has taken over");
      await settled();
      unasked += await unaskedSince(before, heir);
      progress("Cluster failovers by TAKEOVER", round, FAILOVERS);
    }
    await load.goesOn(0, 1);
    await load.stop();
    const { broken, lostByControl } = await load.tell("cluster-failover", {
      client: byIoredis(),
      all: 1,
      about: { failover: "TAKEOVER", failovers: FAILOVERS, unasked },
    });
    expect(broken).toEqual([]);
    expect(lostByControl, "the control loses").toBeGreaterThan(0);
  });
});

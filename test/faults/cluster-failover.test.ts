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
import { cutAndKill, FailoverLoad } from "./support/failover-load.js";
import { graphPlaces, histories, type TurnPlace } from "./support/turn-places.js";
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
    closing.push(() => {
      try {
        client.destroy();
      } catch {
        // It says so if one of its connections has been closed.
      }
    });
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
  const ownerOf = async (tag: string): Promise<ClusterNode> => {
    const slot = Number(await nodes[0]?.client.call("CLUSTER", "KEYSLOT", `{${tag}}`));
    const ranges = (await nodes[0]?.client.call("CLUSTER", "SLOTS")) as [number, number, [string, number]][];
    const port = ranges.find(([from, to]) => from <= slot && slot <= to)?.[2][1];
    return nodes.find(({ link }) => link.port === port) ?? expect.unreachable();
  };

  /** Which node holds which of the conversations that are written with `wait` for so many. */
  const heldBy = async (
    load: FailoverLoad,
    replicas: number,
  ): Promise<ReadonlyMap<ClusterNode, ReadonlySet<string>>> => {
    const held = new Map<ClusterNode, Set<string>>();
    for (const conversation of load.conversations(replicas)) {
      const owner = await ownerOf(load.place.tag(conversation));
      held.set(owner, (held.get(owner) ?? new Set()).add(conversation));
    }
    return held;
  };

  /** A primary that has what was waited for, so that this can be lost, and some of the control's, which has to be. */
  const victim = async (
    loads: readonly FailoverLoad[],
  ): Promise<{ node: ClusterNode; controls: ReadonlyMap<FailoverLoad, ReadonlySet<string>> }> => {
    const controls = new Map<FailoverLoad, ReadonlyMap<ClusterNode, ReadonlySet<string>>>();
    let all: readonly ClusterNode[] = nodes;
    for (const load of loads) {
      const [control, waiting] = [await heldBy(load, 0), await heldBy(load, 1)];
      controls.set(load, control);
      all = all.filter((node) => control.has(node) && waiting.has(node));
    }
    expect(all.length).toBeGreaterThan(0);
    const node = choices.one(all);
    return { node, controls: new Map([...controls].map(([load, held]) => [load, held.get(node) ?? new Set()])) };
  };

  /** How many became primaries of themselves. */
  const unaskedSince = async (before: readonly ClusterNode[], heir: ClusterNode): Promise<number> =>
    (await primaries()).filter((node) => node !== heir && !before.includes(node)).length;

  const written: readonly {
    version: string;
    connect: () => RedisClient;
    what: string;
    places: () => readonly TurnPlace[];
  }[] = [
    ...(whole ? clients : clients.slice(0, 1)).map(({ version, connect }) => ({
      version,
      connect,
      what: "histories",
      places: () => [histories],
    })),
    { version: "ioredis 6", connect: byIoredis, what: "threads and items", places: graphPlaces },
  ];
  test.each(written)(
    "replication falls silent, a primary dies, its replica is elected, by $version, $what",
    LONG,
    async ({ version, connect, places }) => {
      const loads = places().map(
        (place) => new FailoverLoad(connect, { writers: 9, replicas: [0, 1], choices, place }),
      );
      const goOn = (...replicas: readonly number[]): Promise<unknown> =>
        Promise.all(loads.map((load) => load.goesOn(...replicas)));
      let unasked = 0;
      for (let round = 1; round <= FAILOVERS; round++) {
        await goOn(0, 1);
        const before = await primaries();
        const { node: old, controls } = await victim(loads);
        const heir = await replicaOf(old);
        for (const load of loads) load.beginFailover();
        await cutAndKill(
          loads,
          () => old.link.sever(),
          () => old.server.kill(),
          { choices, thereOf: (load) => controls.get(load) },
        );
        await untilTrue(async () => (await primaries()).includes(heir), "the replica is elected");
        await goOn(0);
        old.link.mend();
        await old.server.start();
        await settled();
        unasked += await unaskedSince(before, heir);
        progress("Cluster failovers after SIGKILL", round, FAILOVERS);
      }
      await Promise.all(loads.map((load) => load.stop()));
      for (const load of loads) {
        const { broken, lostByControl } = await load.tell("cluster-failover", {
          client: connect(),
          all: 1,
          about: { client: version, failover: "links cut, then SIGKILL", failovers: FAILOVERS, unasked },
        });
        expect(broken, load.place.name).toEqual([]);
        expect(lostByControl, `the control of ${load.place.name} loses`).toBeGreaterThan(0);
      }
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
      const heir = await replicaOf((await victim([load])).node);
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

// What the adapter of node-redis adds to node-redis, beside what every port does.
import { createClient as createClient6 } from "redis-6";
import { afterEach, describe, expect, inject, test } from "vitest";
import { RedisChatMessageHistory, StoreUnavailableError } from "langchain-redis-sessions";
import { fromNodeRedis } from "langchain-redis-sessions/node-redis";
import { faultyProxy, startRedis } from "langchain-redis-sessions/testing";
import { portOf } from "../../src/redis/client.js";
import { NodeRedisPort } from "../../src/redis/node-redis.js";
import { UnansweredError } from "../../src/redis/port.js";
import { read } from "../../src/redis/send.js";
import { closingIn } from "../support/closing.js";
import { connected, nodeRedisVersions, rootNodes } from "../support/node-redis.js";
import { severableLink } from "../support/severable-link.js";
import type { Address } from "../support/start-servers.js";
import { freshId, turn } from "../support/turns.js";

const { single, cluster } = inject("servers");
const { closing, through } = closingIn(afterEach);

/** More than a socket takes before it has to drain. */
const huge = "x".repeat(20_000_000);

describe.each(nodeRedisVersions)("$version", ({ createClient, createCluster }) => {
  type NodeClient = ReturnType<typeof createClient>;

  function keep(client: NodeClient): NodeClient {
    client.on("error", () => {});
    closing.push(() => {
      if (client.isOpen) client.destroy();
    });
    return client;
  }

  async function connect(address: Address = single): Promise<NodeClient> {
    return connected(keep(createClient({ socket: { host: address.host, port: address.port, reconnectStrategy: 10 } })));
  }

  /** A client whose server reads nothing more, and a function that ends the connection and lets the next one through. */
  async function stuck(): Promise<{ port: NodeRedisPort; cut: () => void }> {
    const link = await severableLink(() => single);
    closing.push(() => link.close());
    const port = new NodeRedisPort(await connect(link));
    link.sever();
    return {
      port,
      cut: () => {
        link.cut();
        link.mend();
      },
    };
  }

  test("what was not sent of a pipeline when the connection ended is not sent over the next one", async () => {
    await using redis = await startRedis();
    const port = new NodeRedisPort(await connect(redis));
    const admin = await connect(redis);
    // The server answers a command that only reads, and reads on from nobody who wants to write.
    await admin.sendCommand(["client", "pause", "60000", "write"]);
    const sent = port.pipeline([
      ["echo", "a"],
      ["set", "first", huge],
      ["set", "second", "1"],
    ]);
    await expect.poll(() => admin.sendCommand(["client", "list"])).toMatch(/ cmd=(?:echo|set) /);
    await admin.sendCommand(["client", "kill", "type", "normal", "skipme", "yes"]);
    await admin.sendCommand(["client", "unpause"]);
    expect(await sent).toEqual(["a", expect.any(UnansweredError), expect.any(UnansweredError)]);
    expect(await port.call(["exists", "first", "second"])).toBe(0);
  });

  test("a node of a Cluster that was away is reached again, also if its connection was closed for good", async () => {
    const [node = single] = cluster;
    const proxy = await faultyProxy(node);
    closing.push(() => proxy.close());
    const away = { host: proxy.host, port: proxy.port, reconnectStrategy: false } as const;
    const client = createCluster({
      rootNodes: rootNodes(cluster),
      nodeAddressMap: { [`${node.host}:${node.port}`]: away },
    });
    await connected(client);
    closing.push(() => client.destroy());
    const port = new NodeRedisPort(client);
    const there =
      port.primaries().find((_, index) => client.masters[index]?.port === node.port) ?? expect.unreachable();
    expect(await there.call(["ping"])).toBe("PONG");
    proxy.refuse();
    await expect(there.call(["ping"])).rejects.toThrow(UnansweredError);
    await proxy.heal();
    const pings = await Promise.all([there.call(["ping"]), there.call(["ping"])]);
    expect(pings).toEqual(["PONG", "PONG"]);
  });

  test("two commands that are read together keep their order, when only the first had been sent", async () => {
    const { port, cut } = await stuck();
    const key = freshId();
    const reading = read(
      { client: port, deadlineMilliseconds: 20_000 },
      "two commands",
      [
        ["rpush", key, huge],
        ["rpush", key, "second"],
      ],
      (...replies) => replies,
    );
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    cut();
    expect(await reading).toEqual([1, 2]);
    expect(await port.call(["lindex", key, "1"])).toBe("second");
    await port.call(["del", key]);
  });

  test("a write that could not be sent for five seconds is not sent when Redis is back", async () => {
    const proxy = await through(single);
    const client = await connect(proxy);
    const port = new NodeRedisPort(client);
    const lost = new Promise((resolve) => client.once("reconnecting", resolve));
    proxy.refuse();
    await lost;
    const key = freshId();
    await expect(port.call(["set", key, "late"])).rejects.toThrow(UnansweredError);
    await proxy.heal();
    expect(await port.call(["exists", key])).toBe(0);
  });

  test("a client that is not connected yet, and one that is closed, are told apart", async () => {
    const client = keep(createClient({ socket: single }));
    const history = new RedisChatMessageHistory({ client: fromNodeRedis(client), sessionId: freshId() });
    const told = async (): Promise<string> => {
      const error = await history.addMessages(turn("a")).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(StoreUnavailableError);
      return (error as Error).message;
    };
    expect(await told()).toMatch(/the client's status is "not connected"/);
    await client.connect();
    await history.addMessages(turn("b"));
    await client.close();
    expect(await told()).toMatch(/the client is closed/);
  });

  test("a client has one port", async () => {
    const client = await connect();
    expect(portOf(fromNodeRedis(client))).toBe(portOf(fromNodeRedis(client)));
  });
});

test("a keyPrefix of node-redis 6 is refused, because scripts would go without it", () => {
  const client = createClient6({ keyPrefix: "app:" });
  expect(() => fromNodeRedis(client)).toThrow(/keyPrefix/);
});

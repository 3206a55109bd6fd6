// The port of node-redis under Sentinel.
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { faultyProxy, type FaultyProxy } from "langchain-redis-sessions/testing";
import { NodeRedisPort } from "../../src/redis/node-redis.js";
import { UnansweredError } from "../../src/redis/port.js";
import { findServerProgram } from "../../src/testing/servers/local-servers.js";
import { amount } from "../support/amount.js";
import { NAME, type SentinelSetup, startSentinelSetup } from "../faults/support/sentinel-setup.js";
import { untilTrue } from "../support/cluster-with-replicas.js";
import { connected, type NodeRedis, nodeRedisVersions, sentinelOptions } from "../support/node-redis.js";
import { type AdaptedClient, portConformance } from "./support/port-conformance.js";

describe.skipIf((await findServerProgram()) === undefined)("under Sentinel (needs a program on the PATH)", () => {
  let setup: SentinelSetup;
  let proxy: FaultyProxy;
  beforeAll(async () => {
    setup = await startSentinelSetup();
    const { server } = await setup.primary();
    proxy = await faultyProxy({ host: "127.0.0.1", port: server.port });
  });
  afterAll(async () => {
    await proxy.close();
    await setup.stop();
  });

  describe.each(nodeRedisVersions)("$version", ({ version, createSentinel }) => {
    async function connect(): Promise<AdaptedClient> {
      const client = createSentinel({
        name: NAME,
        sentinelRootNodes: [{ host: "127.0.0.1", port: setup.sentinelPort }],
        nodeAddressMap: (address) =>
          address.endsWith(`:${setup.sentinelPort}`) ? undefined : { host: proxy.host, port: proxy.port },
      });
      await connected(client);
      return { port: new NodeRedisPort(client), primaries: 1, close: () => client.close() };
    }

    portConformance(`Sentinel, ${version}`, connect);

    test("after a lost reply of WAIT, neither the WAIT nor the write is sent again alone", async () => {
      const { port, close } = await connect();
      await port.call(["del", "list"]);
      proxy.dropReplies({ command: "WAIT" });
      const replies = await port.pipeline([
        ["rpush", "list", "a"],
        ["wait", "0", "1"],
      ]);
      expect(replies).toEqual([1, expect.any(UnansweredError)]);
      expect(await port.call(["llen", "list"])).toBe(1);
      await close();
    });
  });

  describe("a primary that is away for the client before Sentinel finds it dead", () => {
    interface Losing extends AdaptedClient {
      /** Resolves when the client has gone for the server that Sentinel names. */
      readonly lost: Promise<void>;
    }

    async function connectThrough(to: FaultyProxy, { createSentinel }: NodeRedis, options: object): Promise<Losing> {
      const { link } = await setup.primary();
      const client = createSentinel({
        name: NAME,
        sentinelRootNodes: [{ host: "127.0.0.1", port: setup.sentinelPort }],
        nodeAddressMap: (address) => {
          if (address.endsWith(`:${link.port}`)) return { host: to.host, port: to.port };
          const member = setup.members.find((one) => address.endsWith(`:${one.link.port}`));
          return member && { host: "127.0.0.1", port: member.server.port };
        },
        ...options,
      });
      await connected(client);
      const lost = new Promise<void>((resolve) => client.on("topology-change", () => resolve()));
      return { port: new NodeRedisPort(client), primaries: 1, lost, close: () => client.close() };
    }

    test.each(nodeRedisVersions.slice(0, amount(1, 2)))(
      "$version goes on with the next primary, and 5 needs an option for that",
      async (by) => {
        await setup.settled();
        const { link, server } = await setup.primary();
        const away = await faultyProxy({ host: "127.0.0.1", port: server.port });
        const client = await connectThrough(away, by, sentinelOptions(by));
        // A canary: if this client does not wait any more, the option is no longer needed.
        const waiting = by.version === "node-redis 5" ? await connectThrough(away, by, {}) : undefined;
        away.refuse();
        const written = client.port.call(["set", "written", by.version]);
        let hasWaited = false;
        const late = waiting?.port.call(["ping"]).finally(() => (hasWaited = true));
        await Promise.all([client.lost, waiting?.lost]);
        const sentinel = new Redis({ port: setup.sentinelPort });
        await sentinel.call("SENTINEL", "FAILOVER", NAME);
        await untilTrue(async () => (await setup.primary()).link !== link, "another is promoted");
        expect(await written).toBe("OK");
        const { direct } = await setup.primary();
        expect(await direct.get("written")).toBe(by.version);
        expect(hasWaited).toBe(false);
        await away.heal();
        await late;
        await Promise.all([client.close(), waiting?.close()]);
        sentinel.disconnect();
        await away.close();
      },
    );
  });
});

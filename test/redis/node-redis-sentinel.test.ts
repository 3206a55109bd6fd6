// The port of node-redis under Sentinel.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { faultyProxy, type FaultyProxy } from "langchain-redis-sessions/testing";
import { NodeRedisPort } from "../../src/redis/node-redis.js";
import { UnansweredError } from "../../src/redis/port.js";
import { findServerProgram } from "../../src/testing/servers/local-servers.js";
import { NAME, type SentinelSetup, startSentinelSetup } from "../faults/support/sentinel-setup.js";
import { connected, nodeRedisVersions } from "../support/node-redis.js";
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
});

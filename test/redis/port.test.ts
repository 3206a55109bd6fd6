import { Redis } from "ioredis";
import { Cluster as ValkeyCluster, Redis as Valkey } from "iovalkey";
import { expect, inject, test } from "vitest";
import { portOf } from "../../src/redis/client.js";
import { IoredisPort } from "../../src/redis/ioredis.js";
import { NodeRedisPort } from "../../src/redis/node-redis.js";
import { connected, nodeRedisVersions, rootNodes } from "../support/node-redis.js";
import { topologiesOn } from "../support/topologies.js";
import { portConformance } from "./support/port-conformance.js";

const servers = inject("servers");

for (const { name, connect } of topologiesOn(() => servers)) {
  portConformance(name, async () => {
    const client = connect();
    client.on("error", () => {});
    const isCluster = "nodes" in client;
    return { port: new IoredisPort(client), primaries: isCluster ? 3 : 1, close: () => client.quit() };
  });
}

// A fork of ioredis 5, which nothing here knows by name.
portConformance("one Redis, iovalkey", async () => {
  const client = new Valkey(servers.single);
  return { port: portOf(client), primaries: 1, close: () => client.quit() };
});
portConformance("Cluster of three, iovalkey", async () => {
  const client = new ValkeyCluster([...servers.cluster]);
  return { port: portOf(client), primaries: 3, close: () => client.quit() };
});

for (const { version, createClient, createClientPool, createCluster } of nodeRedisVersions) {
  for (const RESP of [2, 3] as const) {
    portConformance(`one Redis, ${version}, RESP${RESP}`, async () => {
      const client = await connected(createClient({ socket: servers.single, RESP }));
      return { port: new NodeRedisPort(client), primaries: 1, close: () => client.close() };
    });
  }

  portConformance(`one Redis, a pool of ${version}`, async () => {
    const client = await connected(createClientPool({ socket: servers.single }, { minimum: 1, maximum: 1 }));
    return { port: new NodeRedisPort(client), primaries: 1, close: () => client.close() };
  });

  portConformance(`Cluster of three, ${version}`, async () => {
    const client = await connected(createCluster({ rootNodes: rootNodes(servers.cluster) }));
    return { port: new NodeRedisPort(client), primaries: 3, close: () => client.close() };
  });
}

test("a wrapper of a client may leave the error of a pipelined command undefined", async () => {
  const client = new Redis(servers.single);
  const port = new IoredisPort({
    status: client.status,
    evalsha: (sha1, count, rest) => client.evalsha(sha1, count, ...rest),
    eval: (lua, count, rest) => client.eval(lua, count, ...rest),
    call: (name, ...rest) => client.call(name, ...rest),
    pipeline: (commands) => ({
      exec: async () => {
        const replies = (await client.pipeline(commands).exec()) ?? [];
        return replies.map(([error, reply]) => [error ?? (undefined as never), reply]);
      },
    }),
    duplicate: () => client.duplicate(),
  });
  expect(await port.pipeline([["echo", "a"]])).toEqual(["a"]);
  await client.quit();
});

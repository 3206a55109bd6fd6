import { Redis } from "ioredis";
import { expect, inject, test } from "vitest";
import { IoredisPort } from "../../src/redis/ioredis.js";
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

import { inject } from "vitest";
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

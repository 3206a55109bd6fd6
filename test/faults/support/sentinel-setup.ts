import { writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type ChildProcess, spawn } from "node:child_process";
import { Redis } from "ioredis";
import { findFreePorts } from "../../../src/testing/servers/free-ports.js";
import { findServerProgram } from "../../../src/testing/servers/local-servers.js";
import { untilTrue } from "../../support/cluster-with-replicas.js";
import { severableLink, type SeverableLink } from "../../support/severable-link.js";
import { OwnServer } from "../../support/own-server.js";

export const NAME = "conversations";

interface Member {
  readonly server: OwnServer;
  readonly direct: Redis;
  /** Through which others replicate from this one. */
  readonly link: SeverableLink;
}

/** Three servers, one of them the primary, and a Sentinel that promotes another within about three seconds. */
export interface SentinelSetup {
  readonly sentinelPort: number;
  readonly members: readonly Member[];
  readonly primary: () => Promise<Member>;
  /** How many failovers Sentinel has ended so far. */
  readonly failovers: () => number;
  /** All replicas follow the primary, and have all that it has. */
  readonly settled: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export async function startSentinelSetup(): Promise<SentinelSetup> {
  // The links first: what is free for the servers is then none of theirs.
  const links = await Promise.all(
    [0, 1, 2].map((index) => severableLink(() => ({ host: "127.0.0.1", port: ports[index] ?? 0 }))),
  );
  const [sentinelPort = 0, ...ports] = await findFreePorts(4);
  const closing: (() => unknown)[] = [];
  const members: Member[] = [];
  for (const [index, link] of links.entries()) {
    const port = ports[index] ?? 0;
    // What a server announces is where the others and Sentinel find it, and clients are mapped to the port itself.
    const announced = ["--replica-announce-ip", "127.0.0.1", "--replica-announce-port", String(link.port)];
    const server = new OwnServer(port, [
      "--repl-diskless-sync-delay",
      "0",
      "--repl-ping-replica-period",
      "1",
      ...announced,
    ]);
    await server.start(...(members[0] ? ["--replicaof", "127.0.0.1", String(members[0].link.port)] : []));
    const direct = new Redis({ port, maxRetriesPerRequest: 0, retryStrategy: () => 50 });
    direct.on("error", () => {});
    members.push({ server, direct, link });
    closing.push(
      () => server.remove(),
      () => direct.disconnect(),
      () => link.close(),
    );
  }
  const folder = mkdtempSync(path.join(tmpdir(), "sentinel-"));
  const configuration = path.join(folder, "sentinel.conf");
  writeFileSync(
    configuration,
    [
      `port ${sentinelPort}`,
      "bind 127.0.0.1",
      `dir ${folder}`,
      `sentinel monitor ${NAME} 127.0.0.1 ${members[0]?.link.port} 1`,
      // Long enough that a busy machine, or a slow disk under Sentinel's own file, does not make a server look dead.
      `sentinel down-after-milliseconds ${NAME} 2000`,
      `sentinel failover-timeout ${NAME} 2000`,
      `sentinel parallel-syncs ${NAME} 2`,
      "",
    ].join("\n"),
  );
  const sentinel: ChildProcess = spawn((await findServerProgram()) ?? "", [configuration, "--sentinel"], {
    stdio: "ignore",
  });
  const killSentinel = (): void => void sentinel.kill("SIGKILL");
  process.once("exit", killSentinel);
  const asking = new Redis({ port: sentinelPort });
  asking.on("error", () => {});
  const listening = new Redis({ port: sentinelPort });
  listening.on("error", () => {});
  let failovers = 0;
  listening.on("message", () => (failovers += 1));
  closing.push(
    killSentinel,
    () => rmSync(folder, { recursive: true, force: true }),
    () => asking.disconnect(),
    () => listening.disconnect(),
  );

  const primary = async (): Promise<Member> => {
    const [, port] = (await asking.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)) as string[];
    const found = members.find(({ link }) => String(link.port) === port);
    if (found === undefined) throw new Error("Sentinel names a primary that is none of ours.");
    return found;
  };
  const settled = (): Promise<void> =>
    untilTrue(async () => {
      try {
        const { direct } = await primary();
        const states = (await asking.call("SENTINEL", "REPLICAS", NAME)) as string[][];
        await direct.set("in", "sync");
        return (
          states.length === 2 &&
          states.every((state) => state[state.indexOf("flags") + 1] === "slave") &&
          (await direct.wait(2, 200)) === 2
        );
      } catch {
        return false;
      }
    }, "both replicas follow");
  const stop = async (): Promise<void> => {
    for (const close of closing.toReversed()) await close();
    process.off("exit", killSentinel);
  };
  try {
    await listening.subscribe("+switch-master");
    await settled();
  } catch (error) {
    await stop();
    throw error;
  }
  return { sentinelPort, members, primary, failovers: () => failovers, settled, stop };
}

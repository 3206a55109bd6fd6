// Sentinel promotes a replica under load: what all replicas had is there, whatever else is lost.
import { Redis } from "ioredis";
import type { RedisClient } from "langchain-redis-sessions";
import { fromNodeRedis } from "langchain-redis-sessions/node-redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findServerProgram } from "../../src/testing/servers/local-servers.js";
import { portOf } from "../../src/redis/client.js";
import { untilTrue } from "../support/cluster-with-replicas.js";
import { type NodeRedis, nodeRedisVersions, sentinelOptions } from "../support/node-redis.js";
import { freshId } from "../support/turns.js";
import { cutAndKill, FailoverLoad } from "./support/failover-load.js";
import { graphPlaces, histories, type TurnPlace } from "./support/turn-places.js";
import { amount, choicesFor, progress, whole } from "./support/run.js";
import { NAME, type SentinelSetup, startSentinelSetup } from "./support/sentinel-setup.js";

const FAILOVERS = amount(1, 20);
const LONG = { timeout: amount(60_000, 1_800_000) };
const WRITERS = 3;

describe.skipIf((await findServerProgram()) === undefined)(
  "under Sentinel (needs a server program on the PATH)",
  () => {
    let setup: SentinelSetup;
    const closing: (() => unknown)[] = [];
    beforeAll(async () => {
      setup = await startSentinelSetup();
    });
    afterAll(async () => {
      for (const close of closing) await close();
      await setup.stop();
    });
    const sentinel = (): { host: string; port: number } => ({ host: "127.0.0.1", port: setup.sentinelPort });
    const byIoredis = (): RedisClient => {
      const natMap = Object.fromEntries(
        setup.members.map(({ link, server }) => [`127.0.0.1:${link.port}`, { host: "127.0.0.1", port: server.port }]),
      );
      const client = new Redis({
        sentinels: [sentinel()],
        name: NAME,
        natMap,
        sentinelRetryStrategy: () => 20,
        retryStrategy: () => 20,
        maxRetriesPerRequest: null,
      });
      client.on("error", () => {});
      closing.push(() => client.disconnect());
      return client;
    };
    const byNodeRedis = (by: NodeRedis): RedisClient => {
      const client = by.createSentinel({
        name: NAME,
        sentinelRootNodes: [sentinel()],
        nodeAddressMap: (address) => {
          const member = setup.members.find(({ link }) => address.endsWith(`:${link.port}`));
          // Sentinel itself is where it says.
          return member && { host: "127.0.0.1", port: member.server.port };
        },
        ...sentinelOptions(by),
      });
      client.on("error", () => {});
      void client.connect();
      closing.push(() => client.destroy());
      return fromNodeRedis(client);
    };
    const clients = [
      { version: "ioredis 6", connect: byIoredis },
      ...(whole ? nodeRedisVersions : nodeRedisVersions.slice(-1)).map((by) => ({
        version: by.version,
        connect: () => byNodeRedis(by),
      })),
    ];

    const written: readonly {
      version: string;
      connect: () => RedisClient;
      what: string;
      places: () => readonly TurnPlace[];
    }[] = [
      ...clients.map(({ version, connect }) => ({ version, connect, what: "histories", places: () => [histories] })),
      { version: "ioredis 6", connect: byIoredis, what: "threads and items", places: graphPlaces },
    ];

    test.each(written)(
      "replication falls silent, the primary dies, a replica is promoted, by $version, $what",
      LONG,
      async ({ version, connect, places }) => {
        const port = portOf(connect());
        const [channel, heard] = [freshId(), new Set<string>()];
        const subscription = port.subscriber({ onMessage: (_, message) => heard.add(message), onSubscribed: () => {} });
        subscription.listen(channel);
        const choices = choicesFor("failover");
        const failoversBefore = setup.failovers();
        const loads = places().map(
          (place) => new FailoverLoad(connect, { writers: WRITERS, replicas: [0, 1, 2], choices, place }),
        );
        const goOn = (...replicas: readonly number[]): Promise<unknown> =>
          Promise.all(loads.map((load) => load.goesOn(...replicas)));
        for (let round = 1; round <= FAILOVERS; round++) {
          await goOn(0, 1, 2);
          const old = await setup.primary();
          for (const load of loads) load.beginFailover();
          // Sentinel asks through the link as well, and takes the primary for down.
          await cutAndKill(
            loads,
            () => old.link.sever(),
            () => old.server.kill(),
            { choices },
          );
          await untilTrue(async () => (await setup.primary()) !== old, "another is promoted");
          const now = await setup.primary();
          const message = freshId();
          const isHeard = async (): Promise<boolean> => {
            await port.call(["publish", channel, message]);
            return heard.has(message);
          };
          await untilTrue(isHeard, "a subscriber hears the promoted server");
          // Two replicas there are again only when the old primary has come back as one.
          await goOn(0, 1);
          old.link.mend();
          await old.server.start("--replicaof", "127.0.0.1", String(now.link.port));
          await setup.settled();
          progress("Sentinel failovers", round, FAILOVERS);
        }
        await Promise.all(loads.map((load) => load.stop()));
        subscription.close();
        const { direct } = await setup.primary();
        const unasked = setup.failovers() - failoversBefore - FAILOVERS;
        for (const load of loads) {
          const { broken, lostByControl } = await load.tell("sentinel-failover", {
            client: direct,
            all: 2,
            about: { client: version, failover: "links cut, then SIGKILL", failovers: FAILOVERS, unasked },
          });
          expect(broken, load.place.name).toEqual([]);
          expect(lostByControl, `the control of ${load.place.name} loses`).toBeGreaterThan(0);
          // Nothing else is lost: what was on its way when the link was cut is a turn or two of each writer.
          if (unasked === 0)
            expect(lostByControl).toBeLessThanOrEqual(load.acknowledgedInTheGap + 2 * WRITERS * FAILOVERS);
        }
      },
    );
  },
);

// P14 and P15 under fire: a replica takes over while answers are in flight, under Sentinel and on a Cluster. What an answer
// waited for is there, and every follower hears an end.
import { Cluster, Redis } from "ioredis";
import { afterEach, describe, expect, test } from "vitest";
import { ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { findServerProgram } from "../../src/testing/servers/local-servers.js";
import { closingIn } from "../support/closing.js";
import { type ClusterNode, clusterWithReplicas, untilTrue } from "../support/cluster-with-replicas.js";
import type { Client } from "../support/topologies.js";
import { AnswerLoad, type AnswerLoadOptions, type AnswersVerdict, brokenOf } from "./support/answer-load.js";
import { amount, choicesFor, progress, report, type Row } from "./support/run.js";
import { NAME, startSentinelSetup } from "./support/sentinel-setup.js";

const FAILOVERS = amount(1, 20);
const LONG = { timeout: amount(60_000, 1_800_000) };
const { closing, keep } = closingIn(afterEach);
const choices = choicesFor("answer failover");

/** Two loads: one waits for all replicas, and the other, the control, for none. */
interface Loads {
  readonly waiting: AnswerLoad;
  readonly control: AnswerLoad;
}

async function started(connect: () => Client, options: AnswerLoadOptions): Promise<Loads> {
  const waiting = await AnswerLoad.of(connect, options);
  const { wait: _, ...withoutWait } = options;
  const control = await AnswerLoad.of(connect, withoutWait);
  closing.push(
    () => waiting.close(),
    () => control.close(),
  );
  waiting.start();
  control.start();
  return { waiting, control };
}

/** Cuts the replicas off, lets the primary acknowledge a few more answers of the control, and kills it. */
async function cutAndKill(control: AnswerLoad, cut: () => void, kill: () => Promise<void>): Promise<void> {
  cut();
  await control.goesOn(1 + choices.below(5));
  await kill();
}

/** Stops and reads both. Returns the promises that were broken to the one that waits, and how much the control lost. */
async function told(
  { waiting, control }: Loads,
  client: Client,
  about: Row,
): Promise<{ broken: Row; lostByControl: number }> {
  await waiting.stop();
  await control.stop();
  const verdicts: AnswersVerdict[] = [];
  for (const load of [waiting, control]) verdicts.push(await load.check(client));
  const [ofWaiting, ofControl] = verdicts;
  if (!ofWaiting || !ofControl) throw new Error("There are two.");
  report("answers", { ...about, with: "wait for all replicas", ...ofWaiting });
  report("answers", { ...about, with: "control: no wait", ...ofControl });
  return { broken: brokenOf(ofWaiting), lostByControl: ofControl.lost };
}

describe.skipIf((await findServerProgram()) === undefined)("answers (needs a server program on the PATH)", () => {
  test("under Sentinel: replication falls silent, the primary dies, a replica is promoted", LONG, async () => {
    const setup = await startSentinelSetup();
    closing.push(() => setup.stop());
    const natMap = Object.fromEntries(
      setup.members.map(({ link, server }) => [`127.0.0.1:${link.port}`, { host: "127.0.0.1", port: server.port }]),
    );
    const connect = (): Client =>
      keep(
        new Redis({
          sentinels: [{ host: "127.0.0.1", port: setup.sentinelPort }],
          name: NAME,
          natMap,
          sentinelRetryStrategy: () => 20,
          retryStrategy: () => 20,
          maxRetriesPerRequest: null,
        }),
      );
    const loads = await started(connect, { users: 3, wait: { replicas: 2, timeout: 0.5 } });
    for (let round = 1; round <= FAILOVERS; round++) {
      await Promise.all([loads.waiting.goesOn(), loads.control.goesOn()]);
      const old = await setup.primary();
      const { link, server } = old;
      await cutAndKill(
        loads.control,
        () => link.sever(),
        () => server.kill(),
      );
      await untilTrue(async () => (await setup.primary()) !== old, "another is promoted");
      const heir = await setup.primary();
      await loads.control.goesOn();
      link.mend();
      await server.start("--replicaof", "127.0.0.1", String(heir.link.port));
      await setup.settled();
      progress("Sentinel failovers of answers", round, FAILOVERS);
    }
    await Promise.all([loads.waiting.goesOn(), loads.control.goesOn()]);
    const { broken, lostByControl } = await told(loads, (await setup.primary()).direct, {
      fault: "Sentinel failover",
      times: FAILOVERS,
    });
    expect(broken).toEqual({});
    expect(lostByControl, "the control loses").toBeGreaterThan(0);
  });

  test("on a Cluster: replication falls silent, a primary dies, its replica is elected", LONG, async () => {
    const cluster = await clusterWithReplicas([1, 0, 0], "severable links");
    closing.push(() => cluster.stop());
    const nodes = [...cluster.primaries, ...cluster.replicas];
    const [first] = cluster.primaries;
    const [replica] = cluster.replicas;
    if (!first || !replica) throw new Error("There is one of each.");
    const connect = (): Client =>
      keep(
        new Cluster(
          nodes.map(({ host, port }) => ({ host, port })),
          {
            natMap: Object.fromEntries(nodes.map(({ link, host, port }) => [`${host}:${link.port}`, { host, port }])),
            retryDelayOnFailover: 20,
            retryDelayOnClusterDown: 20,
            maxRedirections: 100,
          },
        ),
      );
    // The first primary has the first third of the slots, and all users.
    const accepts = async (userId: string): Promise<boolean> => {
      const { sessions } = ownerKeys("chat", ownerTag(userId, undefined));
      return Number(await first.client.call("CLUSTER", "KEYSLOT", sessions)) < 5_000;
    };
    const loads = await started(connect, { users: 3, wait: { replicas: 1, timeout: 0.5 }, accepts });
    const roleOf = async ({ client }: ClusterNode): Promise<string> => String((await client.role().catch(() => []))[0]);
    let [old, heir] = [first, replica];
    for (let round = 1; round <= FAILOVERS; round++) {
      await Promise.all([loads.waiting.goesOn(), loads.control.goesOn()]);
      const { link, server } = old;
      await cutAndKill(
        loads.control,
        () => link.sever(),
        () => server.kill(),
      );
      await untilTrue(async () => (await roleOf(heir)) === "master", "the replica is elected");
      await loads.control.goesOn();
      link.mend();
      await server.start();
      await untilTrue(async () => {
        const info = await heir.client.info("replication");
        return info.includes("connected_slaves:1") && (await roleOf(old)) === "slave";
      }, "the old primary is a replica");
      [old, heir] = [heir, old];
      progress("Cluster failovers of answers", round, FAILOVERS);
    }
    await Promise.all([loads.waiting.goesOn(), loads.control.goesOn()]);
    const { broken, lostByControl } = await told(loads, connect(), { fault: "Cluster failover", times: FAILOVERS });
    expect(broken).toEqual({});
    expect(lostByControl, "the control loses").toBeGreaterThan(0);
  });
});

// P1 and P2 under Sentinel: what is repeated with its operation id across a failover is stored once.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Redis, type RedisOptions } from "ioredis";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { RedisChatMessageHistory, StoreUnavailableError } from "langchain-redis-sessions";
import { type FaultyProxy, faultyProxy, type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { findFreePorts } from "../../src/testing/servers/free-ports.js";
import { findServerProgram } from "../../src/testing/servers/local-servers.js";
import { freshId, texts, turn } from "../support/turns.js";

const program = await findServerProgram();
const NAME = "conversations";
const PATIENCE = { timeout: 20_000, interval: 50 };

describe.skipIf(program === undefined)("under Sentinel (needs a server program on the PATH)", () => {
  let primary: RunningRedis;
  let replica: RunningRedis;
  let sentinel: Sentinel;
  /** Before the primary; clients that go by `natMap` reach it through this. */
  let proxy: FaultyProxy;
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    // Without `min-replicas-to-write` the old primary goes on acknowledging turns that are lost when it is demoted.
    primary = await startRedis({ args: ["--repl-diskless-sync-delay", "0", "--min-replicas-to-write", "1"] });
    closing.push(() => primary.stop());
    replica = await startRedis({ args: ["--replicaof", primary.host, String(primary.port)] });
    closing.push(() => replica.stop());
    proxy = await faultyProxy(primary);
    closing.push(() => proxy.close());
    sentinel = await startSentinel(program ?? "", primary);
    closing.push(() => sentinel.stop());
    const client = direct(primary);
    await vi.waitFor(() => client.set("a write", "is taken"), PATIENCE);
    await inSync(client);
  });
  afterAll(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  function connect(options: Omit<RedisOptions, "replyMapping"> = {}): Redis {
    const client = new Redis({
      sentinels: [{ host: "127.0.0.1", port: sentinel.port }],
      name: NAME,
      failoverDetector: true,
      retryStrategy: () => 20,
      ...options,
    });
    client.on("error", () => {});
    closing.push(() => client.disconnect());
    return client;
  }

  function direct(server: RunningRedis): Redis {
    const client = new Redis(server.url);
    closing.push(() => client.disconnect());
    return client;
  }

  test("a turn is appended to the primary, read from it, and known to its replica", async () => {
    const sessionId = freshId();
    const history = new RedisChatMessageHistory({ client: connect(), sessionId });
    await history.addMessages(turn("hi"));
    expect(texts(await history.getMessages())).toEqual(["hi", "re: hi"]);
    await inSync(direct(primary));
    const copy = new RedisChatMessageHistory({ client: direct(replica), sessionId });
    expect(texts(await copy.getMessages())).toEqual(["hi", "re: hi"]);
  });

  test("in a failover every turn is stored whole and once, also one that is repeated on the promoted server", async () => {
    const impatient = connect({
      maxRetriesPerRequest: 0,
      natMap: { [`${primary.host}:${primary.port}`]: { host: proxy.host, port: proxy.port } },
    });
    const plainKey = freshId();
    const lostReplyId = freshId();
    const lostReply = new RedisChatMessageHistory({ client: impatient, sessionId: lostReplyId });
    await lostReply.addMessages(turn("before"));

    // Two writes that take effect and whose replies are lost: one of ours, and as a control a plain RPUSH.
    proxy.dropReplies({ command: "EVALSHA" });
    const { operationId } = await lostReply.addMessages(turn("unknown")).then(
      () => expect.unreachable(),
      (error: unknown) => error as StoreUnavailableError,
    );
    await expect.poll(() => impatient.ping().catch(() => "away"), PATIENCE).toBe("PONG");
    proxy.dropReplies({ command: "RPUSH" });
    await expect(impatient.rpush(plainKey, "unknown")).rejects.toBeInstanceOf(Error);
    expect(proxy.faults).toBe(2);
    await inSync(direct(primary));

    // A writer that goes on all the while.
    const sessionId = freshId();
    const writer = new RedisChatMessageHistory({ client: connect(), sessionId });
    await writer.addMessages(turn("0"));
    await inSync(direct(primary));
    const acknowledged = ["0"];
    const enough = new AbortController();
    const writing = (async () => {
      for (let number = 1; !enough.signal.aborted; number += 1) {
        await appendUntilTold(writer, String(number));
        acknowledged.push(String(number));
      }
    })();
    await failOver(sentinel.port, replica);
    const after = acknowledged.length;
    const promoted = direct(replica);
    const key = `chat:history:{${sessionId}}:messages`;
    // On the promoted server there is what was written since: the client has found it.
    await expect.poll(async () => newest(await promoted.lrange(key, -1, -1)), PATIENCE).toBeGreaterThan(after + 20);
    enough.abort();
    await writing;

    const stored = texts(await new RedisChatMessageHistory({ client: promoted, sessionId }).getMessages());
    const turns = stored.filter((_, index) => index % 2 === 0);
    const kept = new Set(turns);
    expect(stored, "whole").toEqual(turns.flatMap((text) => [text, `re: ${text}`]));
    expect(
      turns.toSorted((one, other) => Number(one) - Number(other)),
      "in order",
    ).toEqual(turns);
    expect(
      turns.filter((text) => !acknowledged.includes(text)),
      "told",
    ).toEqual([]);
    expect(turns[0], "in sync before the failover").toBe("0");
    expect(
      acknowledged.filter((text) => Number(text) > after && !kept.has(text)),
      "acknowledged since",
    ).toEqual([]);

    // The repetitions go to the promoted server, which knows the operation.
    await expect
      .poll(async () => {
        await lostReply.addMessages(turn("unknown"), { operationId });
        return (await impatient.info("replication")).includes("role:master");
      }, PATIENCE)
      .toBe(true);
    await impatient.rpush(plainKey, "unknown");
    const afterwards = new RedisChatMessageHistory({ client: promoted, sessionId: lostReplyId });
    expect(texts(await afterwards.getMessages())).toEqual(["before", "re: before", "unknown", "re: unknown"]);
    expect(await promoted.lrange(plainKey, 0, -1), "control").toEqual(["unknown", "unknown"]);
  });
});

/** Every write so far is on the replica. */
async function inSync(primary: Redis): Promise<void> {
  await vi.waitFor(async () => expect(await primary.wait(1, 1_000)).toBe(1), PATIENCE);
}

function newest(entries: readonly string[]): number {
  return Number.parseInt(entries[0]?.match(/"content":"re: (\d+)"/)?.[1] ?? "-1", 10);
}

/** As docs/errors.md says: repeat a write whose outcome is unknown with its operation id. */
async function appendUntilTold(history: RedisChatMessageHistory, text: string): Promise<void> {
  let operationId = freshId();
  for (;;) {
    try {
      await history.addMessages(turn(text), { operationId });
      return;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      operationId = error.operationId ?? operationId;
    }
  }
}

async function failOver(sentinelPort: number, to: RunningRedis): Promise<void> {
  const sentinel = new Redis({ port: sentinelPort });
  try {
    // Refused (NOGOODSLAVE) until Sentinel has looked at the replica.
    const order = (): Promise<unknown> =>
      sentinel.call("SENTINEL", "FAILOVER", NAME).catch((error: unknown) => String(error));
    await expect.poll(order, PATIENCE).toBe("OK");
    const address = (): Promise<unknown> => sentinel.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME);
    await expect.poll(address, PATIENCE).toEqual([to.host, String(to.port)]);
  } finally {
    sentinel.disconnect();
  }
}

interface Sentinel {
  readonly port: number;
  stop(): void;
}

/** One Sentinel with a quorum of one: enough for a failover that is ordered. */
async function startSentinel(server: string, primary: RunningRedis): Promise<Sentinel> {
  const folder = mkdtempSync(path.join(tmpdir(), "sentinel-"));
  const [port = 0] = await findFreePorts(1);
  const configuration = path.join(folder, "sentinel.conf");
  writeFileSync(
    configuration,
    `port ${port}\nbind 127.0.0.1\ndir ${folder}\nsentinel monitor ${NAME} ${primary.host} ${primary.port} 1\n`,
  );
  const process_: ChildProcess = spawn(server, [configuration, "--sentinel"], { stdio: "ignore" });
  const kill = (): void => void process_.kill("SIGKILL");
  process.once("exit", kill);
  const stop = (): void => {
    kill();
    process.off("exit", kill);
    rmSync(folder, { recursive: true, force: true });
  };
  const client = new Redis({ port });
  client.on("error", () => {});
  try {
    await vi.waitFor(() => client.call("SENTINEL", "MASTER", NAME), PATIENCE);
    return { port, stop };
  } catch (error) {
    stop();
    throw error;
  } finally {
    client.disconnect();
  }
}

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";

import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";

import { type FaultyProxy, faultyProxy, type RunningRedis, startRedis } from "../../src/testing/index.js";
import { openWire } from "./wire.js";

let redis: RunningRedis;
let direct: Redis;
let proxy: FaultyProxy;
let key: string;

beforeAll(async () => {
  redis = await startRedis();
  direct = new Redis(redis.url);
});
afterAll(async () => {
  direct.disconnect();
  await redis.stop();
});
beforeEach(async () => {
  key = randomUUID();
  const fresh = await faultyProxy(redis);
  proxy = fresh;
  return () => fresh.close();
});

function openClient(): Redis {
  const client = new Redis(proxy.url, { retryStrategy: () => 1 });
  client.on("error", () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

describe("blackhole", () => {
  test("nothing arrives while it lasts; healed, the client comes back and goes on", async () => {
    const client = openClient();
    await client.ping();
    proxy.blackhole();
    const reply = client.incr(key);
    await expect.poll(() => proxy.requestsNamed("INCR")).toBe(1);
    expect(await direct.get(key)).toBeNull();
    expect(client.status).toBe("ready");
    await proxy.heal();
    expect(await reply).toBe(1);
  });

  test("replies on their way are swallowed too, and their stream never goes on with a gap", async () => {
    const wire = await openWire(proxy.port);
    wire.send(`BLPOP ${key} 0\r\n`);
    await expect.poll(() => direct.info("clients")).toContain("blocked_clients:1");
    proxy.blackhole();
    await direct.rpush(key, "value");
    await expect.poll(() => direct.llen(key)).toBe(0);
    await proxy.heal();
    wire.send("PING\r\n");
    await wire.ended;
    expect(wire.received()).toBe("");
  });

  test("new connections are accepted, but hear nothing", async () => {
    proxy.blackhole();
    const wire = await openWire(proxy.port);
    wire.send("PING\r\n");
    await expect.poll(() => proxy.requestsNamed("PING")).toBe(1);
    expect(wire.received()).toBe("");
    await proxy.heal();
    await wire.ended;
    expect(wire.received()).toBe("");
  });

  test("the server does not notice that a client has left", async () => {
    const wire = await openWire(proxy.port);
    wire.send(`CLIENT SETNAME ${key}\r\n`);
    await expect.poll(() => wire.received()).toBe("+OK\r\n");
    proxy.blackhole();
    wire.socket.destroy();
    await wire.ended;
    expect(await direct.client("LIST")).toContain(`name=${key}`);
    await proxy.heal();
    await expect.poll(() => direct.client("LIST")).not.toContain(`name=${key}`);
  });

  test("a connection that lost nothing lives through it", async () => {
    const wire = await openWire(proxy.port);
    wire.send("PING\r\n");
    await expect.poll(() => wire.received()).toBe("+PONG\r\n");
    proxy.blackhole();
    await proxy.heal();
    wire.send("PING\r\n");
    await expect.poll(() => wire.received()).toBe("+PONG\r\n+PONG\r\n");
  });
});

describe("refuse", () => {
  test("clients lose their connection and get no other; healed, the same port serves them again", async () => {
    const client = openClient();
    await client.ping();
    const { port } = proxy;
    proxy.refuse();
    await once(client, "close");
    const attempt = connect(port, "127.0.0.1");
    const [error] = await once(attempt, "error").catch((reason: unknown) => [reason]);
    expect(error).toMatchObject({ code: "ECONNREFUSED" });

    const reply = client.incr(key);
    await proxy.heal();
    expect(await reply).toBe(1);
    expect(proxy.port).toBe(port);
  });

  test("may be repeated", async () => {
    const client = openClient();
    for (let round = 1; round <= 5; round += 1) {
      expect(await client.incr(key)).toBe(round);
      proxy.refuse();
      proxy.refuse();
      await proxy.heal();
      await proxy.heal();
    }
  });
});

test("heal cancels faults that have not come to pass", async () => {
  const client = openClient();
  proxy.dropReplies({ count: 100 });
  proxy.delay(1_000);
  await proxy.heal();
  expect(await client.incr(key)).toBe(1);
  expect(proxy.faults).toBe(0);
});

test("a server that is gone looks gone through the proxy, too", async () => {
  const other = await startRedis();
  await using before = await faultyProxy(other);
  const wire = await openWire(before.port);
  await other.stop();
  await wire.ended;
  const late = await openWire(before.port);
  await late.ended;
  expect(late.received()).toBe("");
});

test("close ends all connections, also while blackholed or refusing, and may be repeated", async () => {
  const wire = await openWire(proxy.port);
  proxy.blackhole();
  await proxy.close();
  await wire.ended;
  await proxy.close();
  await proxy.heal();
  await expect(openWire(proxy.port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  const refusing = await faultyProxy(redis);
  refusing.refuse();
  await refusing.close();
});

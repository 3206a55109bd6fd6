import { randomUUID } from "node:crypto";

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

function openClient(options: { protocol?: 2 | 3; maxRetriesPerRequest?: number } = {}): Redis {
  const client = new Redis(proxy.url, { retryStrategy: () => 1, ...options });
  client.on("error", () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

/** A client that reports a lost reply instead of sending the command again. */
function openCautiousClient(): Redis {
  return openClient({ maxRetriesPerRequest: 0 });
}

describe("without a fault", () => {
  test("commands, pipelines and large values pass unchanged", async () => {
    const client = openClient();
    const large = Buffer.alloc(8 * 1024 * 1024, "\r\n$5\r\n");
    await client.set(key, large);
    expect((await client.getBuffer(key))?.equals(large)).toBe(true);
    const pipeline = client.pipeline();
    for (let index = 0; index < 10_000; index += 1) pipeline.incr(`${key}:count`);
    expect((await pipeline.exec())?.at(-1)).toEqual([null, 10_000]);
    expect(proxy.faults).toBe(0);
  });

  test("requests are counted by name, in any case", async () => {
    const client = openClient();
    await client.call("iNcR", key);
    await client.multi().incr(key).get(key).exec();
    expect(proxy.requestsNamed("incr")).toBe(2);
    expect(proxy.requestsNamed("EXEC")).toBe(1);
    expect(proxy.requestsNamed("SET")).toBe(0);
    expect(proxy.requests).toBeGreaterThanOrEqual(5);
  });

  test("a client that has sent all it wanted still gets its replies", async () => {
    proxy.delay(5);
    const wire = await openWire(proxy.port);
    wire.socket.end(`INCR ${key}\r\n`);
    await wire.ended;
    expect(await direct.get(key)).toBe("1");
  });

  test("published messages pass, in both protocols", async () => {
    for (const protocol of [2, 3] as const) {
      const client = openClient({ protocol });
      const message = new Promise<string>((resolve) => {
        client.once("message", (_channel, text) => resolve(text));
      });
      await client.subscribe(key);
      await direct.publish(key, `hello ${protocol}`);
      expect(await message).toBe(`hello ${protocol}`);
    }
  });

  test("a port alone is a target, and one that is none is refused", async () => {
    await using other = await faultyProxy(redis.port);
    const client = new Redis(other.url);
    expect(await client.ping()).toBe("PONG");
    client.disconnect();
    await expect(faultyProxy(70_000)).rejects.toMatchObject({ code: "INVALID_OPTION", option: "target" });
  });
});

describe("dropReplies", () => {
  test("the server executes the command, the client only sees its connection lost", async () => {
    const client = openCautiousClient();
    proxy.dropReplies();
    await expect(client.incr(key)).rejects.toThrow(/max retries/i);
    expect(await direct.get(key)).toBe("1");
    expect(proxy.faults).toBe(1);
    expect(await client.incr(key)).toBe(2);
  });

  test("a client that sends again by itself does so, and the command takes effect twice", async () => {
    const client = openClient();
    proxy.dropReplies({ command: "incr" });
    expect(await client.incr(key)).toBe(2);
    expect(proxy.requestsNamed("INCR")).toBe(2);
    expect(proxy.faults).toBe(1);
  });

  test("only replies to the named commands count, not the handshake of a client that comes back", async () => {
    const client = openClient();
    proxy.dropReplies({ command: ["INCR", "decr"], count: 3 });
    expect(await client.set(key, 10)).toBe("OK");
    expect(await client.incr(key)).toBe(14);
    expect(proxy.faults).toBe(3);
    expect(await client.decr(key)).toBe(13);
  });

  test("without a name, the handshake does not count either", async () => {
    const client = openClient();
    proxy.dropReplies({ count: 3 });
    expect(await client.incr(key)).toBe(4);
    expect(proxy.faults).toBe(3);
  });

  test("in a pipeline the replies in front arrive, and all of it is executed", async () => {
    const wire = await openWire(proxy.port);
    proxy.dropReplies({ command: "APPEND" });
    wire.send(`SET ${key} a\r\nINCR ${key}:n\r\nAPPEND ${key} b\r\nINCR ${key}:n\r\n`);
    await wire.ended;
    expect(wire.received()).toBe("+OK\r\n:1\r\n");
    expect(await direct.get(key)).toBe("ab");
    await expect.poll(() => direct.get(`${key}:n`)).toBe("2");
  });

  test("a request that was lost with the connection before its turn leaves its fault to the next", async () => {
    const wire = await openWire(proxy.port);
    proxy.dropReplies({ command: "INCR", count: 2 });
    wire.send(`INCR ${key}\r\nINCR ${key}\r\n`);
    await wire.ended;
    expect(proxy.faults).toBe(1);
    const next = await openWire(proxy.port);
    next.send(`INCR ${key}\r\n`);
    await next.ended;
    expect(next.received()).toBe("");
    expect(proxy.faults).toBe(2);
  });

  test("a push frame is not taken for the reply", async () => {
    const wire = await openWire(proxy.port);
    wire.send(`HELLO 3\r\nSUBSCRIBE ${key} ${key}:other\r\n`);
    await expect.poll(() => wire.received()).toContain(`${key}:other`);
    const before = wire.received().length;
    proxy.cutReply({ command: "PUBLISH", afterBytes: 2 });
    wire.send(`PUBLISH ${key} hello\r\nPUBLISH ${key} hello\r\n`);
    await wire.ended;
    const push = `>3\r\n$7\r\nmessage\r\n$36\r\n${key}\r\n$5\r\nhello\r\n`;
    // Redis sends the message before or after the reply, by version.
    expect(wire.received().slice(before).replace(push, "")).toBe(":1");
  });
});

describe("cutReply", () => {
  test("exactly so many bytes of the reply arrive", async () => {
    await direct.set(key, "a\r\nb");
    const reply = "$4\r\na\r\nb\r\n";
    for (let afterBytes = 0; afterBytes <= reply.length + 1; afterBytes += 1) {
      const wire = await openWire(proxy.port);
      proxy.cutReply({ command: "GET", afterBytes });
      wire.send(`PING\r\nGET ${key}\r\n`);
      await wire.ended;
      expect(wire.received()).toBe(`+PONG\r\n${reply.slice(0, afterBytes)}`);
      expect(proxy.faults).toBe(afterBytes + 1);
    }
  });

  test("a cut far inside a large reply is exact too", async () => {
    await direct.set(key, "x".repeat(3_000_000));
    const wire = await openWire(proxy.port);
    proxy.cutReply({ command: "GET", afterBytes: 2_000_001 });
    wire.send(`GET ${key}\r\n`);
    await wire.ended;
    expect(wire.received()).toHaveLength(2_000_001);
  });

  test("a client that sends again by itself does so, wherever its reply was cut", async () => {
    const client = openClient();
    await client.ping();
    // Not for all of ":1\r\n": ioredis takes the reply as complete at its "\r".
    for (let afterBytes = 0; afterBytes <= ":1".length; afterBytes += 1) {
      proxy.cutReply({ command: "SADD", afterBytes });
      // Sent again, it finds the member there: 0 is the proof that the first one took effect.
      expect(await client.sadd(key, String(afterBytes))).toBe(0);
    }
  });

  test("a number that makes no sense is refused", () => {
    expect(() => proxy.cutReply({ afterBytes: -1 })).toThrow(/afterBytes/);
    expect(() => proxy.dropReplies({ count: 0 })).toThrow(/count/);
    expect(() => proxy.delay(Number.NaN)).toThrow(/milliseconds/);
  });
});

describe("delay", () => {
  test("a round trip takes at least twice as long, and replies keep their order", async () => {
    const client = openClient();
    await client.ping();
    proxy.delay(20);
    const start = performance.now();
    expect(await Promise.all([client.incr(key), client.incr(key), client.incr(key)])).toEqual([1, 2, 3]);
    expect(performance.now() - start).toBeGreaterThanOrEqual(40);
  });

  test("a shorter delay does not let later replies overtake", async () => {
    const client = openClient();
    await client.ping();
    proxy.delay(50);
    const first = client.incr(key);
    await expect.poll(() => direct.get(key), { interval: 1 }).toBe("1");
    proxy.delay(0);
    const settled: number[] = [];
    await Promise.all([first, client.incr(key)].map((reply) => reply.then((value) => settled.push(value))));
    expect(settled).toEqual([1, 2]);
  });

  test("heal delivers at once what is held back", async () => {
    const client = openClient();
    await client.ping();
    proxy.delay(2_000_000_000);
    const reply = client.incr(key);
    await expect.poll(() => client.commandQueue.length).toBe(1);
    await direct.ping();
    await proxy.heal();
    expect(await reply).toBe(1);
  });
});

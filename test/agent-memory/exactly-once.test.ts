// P2–P4 for agent memory: each write takes effect once, in one round trip, and settles in time.
import { Redis } from "ioredis";
import { afterEach, beforeAll, describe, expect, inject, onTestFinished, test, vi } from "vitest";
import { AgentMemory, StorageFullError, StoreUnavailableError } from "langchain-redis-sessions";
import { startRedis } from "langchain-redis-sessions/testing";
import { closingIn } from "../support/closing.js";
import { amount } from "../support/amount.js";
import { type Client, clusterThrough } from "../support/topologies.js";
import { tooLateAfter } from "../support/too-late.js";
import { freshId } from "../support/turns.js";
import { all } from "./support/all.js";
import { forms } from "./support/forms.js";

const TIMES = amount(3, 200);
const servers = inject("servers");
const scripts = ["EVALSHA", "EVAL"];

const { keep, through } = closingIn(afterEach);

/** What was there before, and what is to be done just before the write in question is sent. */
interface Moment {
  readonly version: number;
  readonly now: () => void;
  /** Does it once the next script of the client has answered. */
  readonly later: () => void;
}

interface Write {
  readonly name: string;
  readonly act: (memory: AgentMemory, moment: Moment, options?: { operationId?: string }) => Promise<unknown>;
  /** What it returns when it is the first on what prepare() made; a version is any. */
  readonly result: unknown;
  readonly value: unknown;
}
const version = { version: expect.any(Number) as number };

describe.each(forms)("$form values", ({ encryption }) => {
  /** Calls back once the next script of a client has answered. */
  function afterNext(client: Client, call: () => void): void {
    // A command that the types of ioredis leave out.
    const sending = client as unknown as { evalshaBuffer: (...args: unknown[]) => Promise<unknown> };
    const send = sending.evalshaBuffer.bind(client);
    vi.spyOn(sending, "evalshaBuffer").mockImplementationOnce(async (...args) => {
      const reply = await send(...args);
      call();
      return reply;
    });
  }

  /** Whether it reads what is sealed before it writes. An update always does, and is told by its function. */
  const readsFirst = (name: string): boolean => encryption !== undefined && ["append", "increment"].includes(name);

  function write(
    name: string,
    result: unknown,
    value: unknown,
    send: (memory: AgentMemory, options: { operationId?: string }, moment: Moment) => Promise<unknown>,
  ): Write {
    const act: Write["act"] = (memory, moment, options = {}) => {
      if (readsFirst(name)) moment.later();
      else if (name !== "update") moment.now();
      return send(memory, options, moment);
    };
    return { name, act, result, value };
  }

  const writes: readonly Write[] = [
    write("set", version, ["set"], (memory, options) => memory.set("x", ["set"], options)),
    write("setMany", version, [], (memory, options) => memory.setMany({ y: 1, x: [] }, options)),
    write("set with ifVersion", version, ["new"], (memory, options, moment) =>
      memory.set("x", ["new"], { ifVersion: moment.version, ...options }),
    ),
    write("update", version, ["first", "more"], (memory, options, { now }) =>
      memory.update(
        "x",
        (items) => {
          now(); // Behind the read.
          return [...(items as string[]), "more"];
        },
        options,
      ),
    ),
    write("append", 2, ["first", "more"], (memory, options) => memory.append("x", "more", options)),
    write("increment", 6, ["first"], (memory, options) => memory.increment("n", 5, options)),
    write("delete", true, undefined, (memory, options) => memory.delete("x", options)),
    write("clear", undefined, undefined, (memory, options) => memory.clear(options)),
  ];
  const nothing = (): void => {};
  const standing: Moment = { version: 1, now: nothing, later: nothing };

  async function prepare(memory: AgentMemory, client?: Client, now: () => void = nothing): Promise<Moment> {
    const stored = await memory.set("x", ["first"]);
    await memory.set("n", 1);
    let told = false;
    const once = (): void => {
      if (!told) now();
      told = true;
    };
    return { version: stored.version, now: once, later: () => client && afterNext(client, once) };
  }
  /** The server knows the scripts from then on: what gets lost is a reply, not NOSCRIPT. */
  async function warm(client: Client): Promise<void> {
    for (let index = 0; index < 12; index++) {
      const memory = new AgentMemory({ encryption, client, namespace: freshId() });
      for (const { act } of writes) await prepare(memory).then((moment) => act(memory, moment));
    }
  }
  beforeAll(async () => {
    const direct = [new Redis(servers.single), clusterThrough(new Map(servers.cluster.map((node) => [node, node])))];
    for (const client of direct) {
      await warm(client);
      client.disconnect();
    }
  });

  async function counted(memory: AgentMemory): Promise<unknown> {
    return (await memory.usage()).writesToday;
  }

  describe.each(writes)("when the reply to $name is lost", ({ name, act, result, value }) => {
    const counts = { setMany: 2, delete: 0, clear: 0 }[name] ?? 1;

    test.each(["one Redis", "a Cluster"])(
      "and the client sends it again, it has happened once, on %s",
      async (where) => {
        const nodes = where === "one Redis" ? [servers.single] : servers.cluster;
        const proxies = await Promise.all(nodes.map(through));
        const port = proxies[0]?.port ?? 0;
        const detours = new Map(
          nodes.map((node, index) => [node, { host: "127.0.0.1", port: proxies[index]?.port ?? 0 }]),
        );
        const client = keep(
          where === "one Redis"
            ? new Redis({ port, maxRetriesPerRequest: 20, retryStrategy: () => 1 })
            : clusterThrough(detours, { retryDelayOnFailover: 10, maxRedirections: 100 }),
        );
        let faults = 0;
        for (let time = 0; time < TIMES; time++) {
          const memory = new AgentMemory({ encryption, client, namespace: freshId() });
          const moment = await prepare(memory, client, () => {
            for (const proxy of proxies) proxy.dropReplies({ command: scripts });
          });
          expect(await act(memory, moment)).toEqual(result);
          for (const proxy of proxies) await proxy.heal();
          expect(await memory.get("x")).toEqual(value);
          expect(await counted(memory)).toBe(2 + counts);
          faults += 1;
        }
        expect(proxies.reduce((sum, proxy) => sum + proxy.faults, 0)).toBeGreaterThanOrEqual(faults);
      },
    );

    test("and the caller repeats it under its operation id, it has happened once, also if other writes came between", async () => {
      const proxy = await through(servers.single);
      const client = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: 0, retryStrategy: () => 1 }));
      const direct = keep(new Redis(servers.single));
      for (let time = 0; time < TIMES; time++) {
        const namespace = freshId();
        const memory = new AgentMemory({ encryption, client, namespace });
        const beside = new AgentMemory({ encryption, client: direct, namespace });
        await expect.poll(() => client.ping().catch(() => "away")).toBe("PONG");
        const moment = await prepare(beside, client, () => proxy.dropReplies({ command: scripts }));
        const operationId = freshId();
        const first = act(memory, moment, { operationId });
        // An update finds out by itself.
        if (name === "update") await first;
        else await expect(first).rejects.toMatchObject({ indeterminate: true, operationId });
        await beside.set("x", ["between"]);
        await expect.poll(() => client.ping().catch(() => "away")).toBe("PONG");
        expect(await act(memory, moment, { operationId })).toEqual(result);
        expect(await beside.get("x")).toEqual(["between"]);
        expect(await counted(beside)).toBe(3 + counts);
      }
      expect(proxy.faults).toBe(TIMES);
    });
  });

  test("an update whose write is lost on a client that does not resend is not applied twice, and succeeds by itself", async () => {
    const proxy = await through(servers.single);
    const client = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: 0, retryStrategy: () => 1 }));
    const memory = new AgentMemory({ encryption, client, namespace: freshId() });
    for (let time = 1; time <= TIMES; time++) {
      let calls = 0;
      await memory.update("n", (n) => {
        calls += 1;
        // Behind the read, before the write.
        if (calls === 1) proxy.dropReplies({ command: scripts });
        return Number(n ?? 0) + 1;
      });
      expect(calls).toBe(1);
      await expect.poll(() => memory.get("n").catch(() => "away")).toBe(time);
    }
    expect(proxy.faults).toBe(TIMES);
  });

  test("an update that was given up and runs late changes nothing, once it was repeated", async () => {
    const proxy = await through(servers.single);
    const client = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: null, retryStrategy: () => 1 }));
    const direct = keep(new Redis(servers.single));
    const namespace = freshId();
    const beside = new AgentMemory({ encryption, client: direct, namespace });
    await beside.set("n", 1);
    const operationId = freshId();
    const memory = new AgentMemory({ encryption, client, namespace, deadline: 0.2 });
    await client.ping();
    const change = (n: unknown): number => Number(n) + 1;
    const given = memory.update(
      "n",
      (n) => {
        proxy.refuse();
        return change(n);
      },
      { operationId },
    );
    await expect(given).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate: true, operationId });
    await beside.update("n", change, { operationId });
    await proxy.heal();
    await expect.poll(() => client.ping().catch(() => "away")).toBe("PONG");
    expect(await beside.get("n")).toBe(2);
  });

  test("each call is one round trip; what reads before it writes is two, and entries one a page", async () => {
    const proxy = await through(servers.single);
    const client = keep(new Redis({ port: proxy.port }));
    const memory = new AgentMemory({
      encryption,
      client,
      namespace: freshId(),
      limits: { keys: 100, storageBytes: 10_000 },
    });
    await prepare(memory);
    const calls: [number, () => Promise<unknown>][] = [
      [1, () => memory.get("x")],
      [1, () => memory.entry("x")],
      [1, () => memory.getMany(["x", "n"])],
      [1, () => memory.has("x")],
      [1, () => memory.usage()],
      [1, () => memory.set("x", [], { ttl: "1h", ifVersion: 1 }).catch(() => {})],
      [1, () => memory.setMany({ a: 1, b: 2, c: 3 })],
      [readsFirst("increment") ? 2 : 1, () => memory.increment("n")],
      [readsFirst("append") ? 2 : 1, () => memory.append("x", 1, { max: 3 })],
      [2, () => memory.update("n", (n) => Number(n) + 1)],
      [1, () => all(memory.entries())],
      [1, () => all(memory.keys())],
      [1, () => memory.delete("x")],
      [1, () => memory.clear()],
    ];
    for (const [, call] of calls) await call();
    await prepare(memory);
    for (const [trips, call] of calls) {
      const before = proxy.requests;
      await call();
      expect(proxy.requests - before, String(call)).toBe(trips);
    }
    expect(proxy.requestsNamed("EVALSHA")).toBeGreaterThan(0);
  });

  test("when Redis swallows everything, every call fails in time, and says whether it may have happened", async () => {
    const proxy = await through(servers.single);
    const client = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: null }));
    const memory = new AgentMemory({ encryption, client, namespace: freshId(), deadline: 0.3 });
    // A client that knows the data key sends the write at once.
    await memory.set("x", ["first"]);
    proxy.blackhole();
    const reads = [() => memory.get("x"), () => memory.usage(), () => all(memory.entries())];
    const late = tooLateAfter(600);
    const settled = Promise.all([
      // What fails in its read wrote nothing.
      ...[
        ...reads,
        () => memory.update("x", () => 1),
        ...writes
          .filter(({ name }) => readsFirst(name))
          .map(
            ({ act }) =>
              () =>
                act(memory, standing),
          ),
      ].map(async (call) => expect(call()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate: false })),
      ...writes
        .filter(({ name }) => name !== "update" && !readsFirst(name))
        .map(async ({ act }) => expect(act(memory, standing)).rejects.toMatchObject({ indeterminate: true })),
    ]);
    expect(await Promise.race([settled, late])).not.toBe("too late");
  });

  test("the time that the caller's function takes does not count against an update's deadline", async () => {
    const client = keep(new Redis(servers.single));
    const memory = new AgentMemory({ encryption, client, namespace: freshId(), deadline: 1 });
    const began = performance.now();
    let calls = 0;
    await memory.update("x", async (current) => {
      calls += 1;
      // The first attempt meets another version, after more than the deadline. A second one is only made in time.
      if (calls === 1) {
        await memory.set("x", "theirs");
        await expect.poll(() => performance.now() - began, { timeout: 5_000 }).toBeGreaterThan(1_200);
      }
      return `${String(current)}, then ours`;
    });
    expect(calls).toBe(2);
    expect(await memory.get("x")).toBe("theirs, then ours");
  });

  test("an update whose value always changes in between gives up in time, with nothing written", async () => {
    const client = keep(new Redis(servers.single));
    const memory = new AgentMemory({ encryption, client, namespace: freshId(), deadline: 0.3 });
    // Three pauses within the deadline, and one that would pass it: drawn at random, one may end just before it.
    const random = vi.spyOn(Math, "random").mockReturnValue(1_000);
    for (let pause = 0; pause < 3; pause++) random.mockReturnValueOnce(1);
    onTestFinished(() => random.mockRestore());
    const update = memory.update("x", async () => {
      await memory.increment("x");
      return "mine";
    });
    await expect(update).rejects.toMatchObject({ code: "VERSION_CONFLICT", key: "x" });
    expect(random).toHaveBeenCalledTimes(4);
    expect(await memory.get("x")).toBeTypeOf("number");
  });

  test("an update whose time runs out while it reads again says that others wrote, not that Redis is away", async () => {
    const proxy = await through(servers.single);
    const client = keep(new Redis({ port: proxy.port }));
    const namespace = freshId();
    const other = new AgentMemory({ encryption, client: keep(new Redis(servers.single)), namespace });
    const memory = new AgentMemory({ encryption, client, namespace, deadline: 2 });
    await memory.update("x", () => 1);
    // A round trip takes 800 ms: the second attempt cannot read within the deadline.
    proxy.delay(400);
    const update = memory.update("x", async () => {
      await other.increment("x");
      return "mine";
    });
    await expect(update).rejects.toMatchObject({ code: "VERSION_CONFLICT", key: "x" });
  });

  test("an update that met another version, and then a Redis that is away, says that, and names its whole deadline", async () => {
    const proxy = await through(servers.single);
    const client = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: null }));
    const namespace = freshId();
    const other = new AgentMemory({ encryption, client: keep(new Redis(servers.single)), namespace });
    const memory = new AgentMemory({ encryption, client, namespace, deadline: 0.5 });
    await memory.update("x", () => 1);
    // What it draws is the pause between two attempts.
    const random = vi.spyOn(Math, "random").mockImplementation(() => {
      proxy.blackhole();
      return 1;
    });
    onTestFinished(() => random.mockRestore());
    const update = memory.update("x", async () => {
      await other.increment("x");
      return "mine";
    });
    await expect(update).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      indeterminate: false,
      message: expect.stringContaining("within 500 ms"),
    });
  });

  test("out of memory, writes are refused whole, and what is there can be read and removed", async () => {
    await using redis = await startRedis({ args: ["--maxmemory-policy", "noeviction"] });
    const client = keep(new Redis(redis.url));
    const memory = new AgentMemory({ encryption, client, namespace: "n" });
    const moment = await prepare(memory);
    await client.config("SET", "maxmemory", "1");
    await client.script("FLUSH");
    const before = await client.dumpBuffer("chat:memory:{n}:values");
    for (const { act, name } of writes) {
      if (name !== "delete" && name !== "clear") await expect(act(memory, moment)).rejects.toThrow(StorageFullError);
    }
    expect(await client.dumpBuffer("chat:memory:{n}:values")).toEqual(before);
    expect(await memory.get("x")).toEqual(["first"]);
    expect(await memory.usage()).toMatchObject({ keys: 2 });
    expect(await memory.delete("x")).toBe(true);
    await memory.clear();
    expect(await memory.usage()).toMatchObject({ keys: 0 });
  });

  test.each(["-hset", "-zrem", "-persist", "-pexpireat"])(
    "a Redis user that may not %s: an increment that stops half-way is not doubled by its repetition",
    async (rule) => {
      await using redis = await startRedis();
      const client = keep(new Redis(redis.url));
      const memory = new AgentMemory({ encryption, client, namespace: "n" });
      await memory.set("n", 1);
      await client.acl("SETUSER", "limited", "reset", "on", ">pw", "~*", "+@all", rule);
      const limited = keep(new Redis({ host: redis.host, port: redis.port, username: "limited", password: "pw" }));
      const operationId = freshId();
      const stopped = new AgentMemory({ encryption, client: limited, namespace: "n" }).increment("n", 1, {
        operationId,
      });
      await expect(stopped).rejects.toBeInstanceOf(StoreUnavailableError);
      const half = await memory.get("n");
      await memory.increment("n", 1, { operationId });
      expect(await memory.get("n")).toBe(half);
    },
  );
});

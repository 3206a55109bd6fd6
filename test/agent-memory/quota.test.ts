import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AgentMemory, type MemoryLimits, QuotaExceededError } from "langchain-redis-sessions";
import type { Client } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { all } from "./support/all.js";
import { places } from "./support/forms.js";
import { StoredMemory } from "./support/stored-memory.js";

const WRITERS = 32;

describe.each([...places.slice(0, 2), ...places.slice(5, 6)])("limits on $name", ({ connect, encryption }) => {
  let clients: Client[];
  beforeAll(() => {
    clients = Array.from({ length: 4 }, () => connect());
  });
  afterAll(() => Promise.all(clients.map((client) => client.quit())));

  interface Arrangement {
    readonly memory: AgentMemory;
    readonly writers: readonly AgentMemory[];
    readonly stored: StoredMemory;
  }
  const arrange = (limits: MemoryLimits): Arrangement => {
    const namespace = freshId();
    const open = (index: number): AgentMemory =>
      new AgentMemory({
        client: clients[index % clients.length] ?? expect.unreachable(),
        namespace,
        limits,
        encryption,
      });
    return {
      memory: open(0),
      writers: Array.from({ length: WRITERS }, (_, index) => open(index)),
      stored: new StoredMemory(clients[0] ?? expect.unreachable(), "chat", namespace),
    };
  };
  /** All at once, so often each: how many were stored, and how the others were refused. */
  const race = async (
    writers: readonly AgentMemory[],
    times: number,
    write: (memory: AgentMemory, place: number) => Promise<unknown>,
  ): Promise<{ stored: number; refused: QuotaExceededError[] }> => {
    const refused: QuotaExceededError[] = [];
    let stored = 0;
    await Promise.all(
      writers.map(async (memory, writer) => {
        for (let time = 0; time < times; time++) {
          try {
            await write(memory, writer * times + time);
            stored += 1;
          } catch (error) {
            if (!(error instanceof QuotaExceededError)) throw error;
            refused.push(error);
          }
        }
      }),
    );
    return { stored, refused };
  };

  test(`${WRITERS} writers at the edge of a day's writes store exactly as many as are allowed`, async () => {
    const { memory, writers, stored: redis } = arrange({ writesPerDay: 100 });
    const { stored, refused } = await race(writers, 5, (writer, place) =>
      place % 2 === 0 ? writer.increment("n") : writer.append("list", place),
    );
    expect([stored, refused.length]).toEqual([100, 60]);
    const [error] = refused;
    expect(error).toMatchObject({ code: "QUOTA_EXCEEDED", quota: "writesPerDay", usage: 100, limit: 100 });
    const untilMidnight = (86_400_000 - (Date.now() % 86_400_000)) / 1_000;
    expect(Math.abs((error?.retryAfter ?? 0) - untilMidnight)).toBeLessThan(10);
    const { n = 0, list = [] } = Object.fromEntries(await memory.getMany(["n", "list"])) as {
      n?: number;
      list?: number[];
    };
    expect(n + list.length).toBe(100);
    expect(await memory.usage()).toMatchObject({ writesToday: 100 });
    await expect(memory.update("n", () => 0)).rejects.toThrow(QuotaExceededError);
    expect(await memory.delete("n")).toBe(true);
    await memory.clear();
    await expect(memory.set("n", 1)).rejects.toThrow(QuotaExceededError);
    await redis.nextDay();
    await memory.set("n", 1);
    expect(await memory.usage()).toMatchObject({ writesToday: 1 });
  });

  test(`${WRITERS} writers at the edge of the storage store not one byte over`, async () => {
    const { memory, writers, stored: redis } = arrange({ storageBytes: 1_000 });
    // 3 bytes of key, 17 of value.
    const { stored, refused } = await race(writers, 4, (writer, place) =>
      writer.set(String(place + 100), "x".repeat(15)),
    );
    expect([stored, refused.length]).toEqual([50, 78]);
    for (const error of refused)
      expect(error).toMatchObject({ quota: "storageBytes", limit: 1_000, retryAfter: undefined });
    expect(await memory.usage()).toMatchObject({ storageBytes: 1_000, keys: 50 });
    expect(await redis.bytes()).toEqual({ recorded: 1_000, actual: 1_000 });
    const [held = ""] = await all(memory.keys());
    await expect(memory.set(held, "x".repeat(16))).rejects.toMatchObject({ usage: 1_000 });
    await expect(memory.setMany({ [held]: "", added: "x".repeat(100) })).rejects.toThrow(QuotaExceededError);
    expect(await memory.get(held)).toBe("x".repeat(15));
    await memory.set(held, "x".repeat(15)); // As long as before.
    await memory.set(held, "");
    await memory.set("999", "xxxxxxxxxx");
    expect(await memory.usage()).toMatchObject({ storageBytes: 1_000 });
  });

  test(`${WRITERS} writers at the edge of the keys store not one over`, async () => {
    const { memory, writers } = arrange({ keys: 20 });
    const { stored, refused } = await race(writers, 2, (writer, place) => writer.set(`key ${place}`, place));
    expect([stored, refused.length]).toEqual([20, 44]);
    expect(refused[0]).toMatchObject({ quota: "keys", usage: 20, limit: 20 });
    expect(await memory.usage()).toMatchObject({ keys: 20 });
    await expect(memory.increment("one more")).rejects.toThrow(QuotaExceededError);
    const [held = ""] = await all(memory.keys());
    await memory.set(held, "replaced");
  });

  test("a value beyond valueBytes is refused, also one that grows there", async () => {
    const { memory } = arrange({ valueBytes: 10 });
    await memory.set("x", "ü".repeat(4));
    await expect(memory.set("x", "ü".repeat(5))).rejects.toMatchObject({ quota: "valueBytes", usage: 12, limit: 10 });
    await memory.append("list", "abcd");
    await expect(memory.append("list", "e")).rejects.toMatchObject({ quota: "valueBytes", usage: 12 });
    expect(await memory.append("list", "efgh", { max: 1 })).toBe(1);
    expect(await memory.getMany(["x", "list"])).toEqual(
      new Map<string, unknown>([
        ["x", "üüüü"],
        ["list", ["efgh"]],
      ]),
    );
  });

  test.each<MemoryLimits>([{ storageBytes: 5_000 }, { keys: 500 }])(
    "hundreds of expired values make room for %o, exactly and at once",
    async (limits) => {
      const { memory, stored } = arrange(limits);
      const keys = Array.from({ length: 500 }, (_, index) => String(index).padStart(4, "0"));
      await memory.setMany(new Map(keys.map((key) => [key, "1234"])), { ttl: "1h" });
      expect(await memory.usage()).toMatchObject({ keys: 500, storageBytes: 5_000 });
      await expect(memory.set("more", 1)).rejects.toThrow(QuotaExceededError);
      for (const key of keys.slice(1)) await stored.expire(key);
      // Too much for what one step makes room for.
      await memory.setMany(new Map(keys.slice(1).map((key) => [`${key.slice(1)}+`, "1234"])));
      expect(await memory.usage()).toEqual({ keys: 500, storageBytes: 5_000, writesToday: 999 });
      await expect(memory.set("more", 1)).rejects.toThrow(QuotaExceededError);
      expect(await stored.bytes()).toEqual({ recorded: 5_000, actual: 5_000 });
    },
  );

  test("a value that expires by itself leaves the accounting", async () => {
    const { memory } = arrange({ keys: 2 });
    await memory.set("stays", 1);
    await memory.set("goes", 1, { ttl: 1 });
    await expect(memory.set("more", 1)).rejects.toThrow(QuotaExceededError);
    await expect.poll(() => memory.get("goes")).toBeUndefined();
    await memory.set("more", 1);
    expect(await memory.usage()).toEqual({ keys: 2, storageBytes: 11, writesToday: 3 });
  });
});

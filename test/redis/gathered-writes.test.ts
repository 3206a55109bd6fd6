// Calls of one moment reach Redis in a few writes: ioredis writes each command by itself.
import { setImmediate as nextTurn } from "node:timers/promises";
import { HumanMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { IoredisPort } from "../../src/redis/ioredis.js";
import { type Client, topologiesOn } from "../support/topologies.js";
import { freshId } from "../support/turns.js";

const servers = inject("servers");

/** Counts the writes to the connections of a client from now on. */
function writesOf(client: Client): () => number {
  const nodes: readonly Redis[] = "nodes" in client ? client.nodes("master") : [client];
  let writes = 0;
  for (const { stream } of nodes) {
    for (const name of ["_write", "_writev"] as const) {
      const write = stream[name]?.bind(stream) as ((...given: unknown[]) => void) | undefined;
      Object.assign(stream, {
        [name]: (...given: unknown[]) => {
          writes += 1;
          write?.(...given);
        },
      });
      onTestFinished(() => void Reflect.deleteProperty(stream, name));
    }
  }
  return () => writes;
}

describe.each(topologiesOn(() => servers))("$name", ({ connect }) => {
  let client: Client;
  beforeAll(async () => {
    client = connect();
    await client.ping();
  });
  afterAll(async () => {
    await client.quit();
  });
  const nodes = (): number => ("nodes" in client ? 3 : 1);

  test("40 reads at once are eight writes to a node at most, and get their own replies", async () => {
    const ids = Array.from({ length: 40 }, () => freshId());
    const history = (sessionId: string) => new RedisChatMessageHistory({ client, sessionId });
    await Promise.all(ids.map((id) => history(id).addMessage(new HumanMessage(id))));
    const writes = writesOf(client);
    const read = await Promise.all(ids.map((id) => history(id).getMessages()));
    expect(read.map(([message]) => message?.text)).toEqual(ids);
    expect(writes()).toBeLessThanOrEqual(8 * nodes());
  });

  test("control: commands of ioredis itself are as many writes", async () => {
    const writes = writesOf(client);
    await Promise.all(Array.from({ length: 40 }, (_, key) => client.get(String(key))));
    expect(writes()).toBe(40);
  });

  test("the first command is sent at once, so that Redis runs it while the next ones are made", async () => {
    const port = new IoredisPort(client);
    const key = freshId();
    const writes = writesOf(client);
    const first = port.call(["get", key]);
    expect(writes()).toBe(1);
    const others = [port.call(["get", key]), port.call(["get", key])];
    expect(writes()).toBe(1);
    await Promise.all([first, ...others]);
    expect(writes()).toBe(2);
  });

  test("a command of the program's own keeps its place between them", async () => {
    const key = freshId();
    const port = new IoredisPort(client);
    const replies = await Promise.all([
      port.call(["set", key, "first"]),
      client.get(key),
      port.call(["set", key, "second"]),
      client.get(key),
    ]);
    expect(replies).toEqual(["OK", "first", "OK", "second"]);
  });

  test("nothing is held back when the moment is over", async () => {
    const port = new IoredisPort(client);
    const calls = Array.from({ length: 20 }, () => port.call(["get", freshId()]));
    await nextTurn();
    const streams = ("nodes" in client ? client.nodes("master") : [client]).map(({ stream }) => stream);
    expect(streams.map(({ writableCorked }) => writableCorked)).toEqual(streams.map(() => 0));
    await Promise.all(calls);
  });
});

test("what was called is sent when the program closes the client in the same moment", async () => {
  const client = new Redis(servers.single);
  const other = new Redis(servers.single);
  await client.ping();
  const key = freshId();
  const call = new IoredisPort(client).call(["set", key, "sent"]).catch(() => {});
  client.disconnect();
  await call;
  await expect.poll(() => other.get(key)).toBe("sent");
  await other.quit();
});

test("a connection that the program holds back itself stays held", async () => {
  const client = new Redis(servers.single);
  await client.ping();
  client.stream.cork();
  const call = new IoredisPort(client).call(["ping"]);
  await nextTurn();
  expect(client.stream.writableCorked).toBe(1);
  client.stream.uncork();
  expect(await call).toBe("PONG");
  await client.quit();
});

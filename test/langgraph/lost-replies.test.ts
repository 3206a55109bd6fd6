// The server runs a call of a saver, and its reply is lost. The client sends it again.
import { HumanMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { MemorySaver, type PendingWrite } from "@langchain/langgraph-checkpoint";
import { Redis } from "ioredis";
import type { FaultyProxy } from "langchain-redis-sessions/testing";
import { RedisSaver, type RedisSaverOptions } from "langchain-redis-sessions/langgraph";
import { afterEach, expect, inject, test } from "vitest";
import { closingIn } from "../support/closing.js";
import { freshId } from "../support/turns.js";
import { listed, putArguments, threadConfig } from "./support/checkpoints.js";
import type { Saver } from "./support/place.js";
import { sealing } from "./support/sealed.js";

const { keep, through } = closingIn(afterEach);
const servers = inject("servers");

const message = (text: string) => new HumanMessage({ content: text.repeat(40), id: text });

/** What a turn stores; the same arguments each time, so that outcomes can be compared. */
const root = putArguments({ on: threadConfig("thread"), values: { messages: [message("a")], mode: "m" } });
const child = putArguments({
  on: at(root),
  values: { messages: [message("a"), message("b")] },
  carried: { mode: "m" },
  versions: { messages: 2 },
});
const subgraph = putArguments({
  on: threadConfig("thread", "sub:task"),
  values: { inner: "value".repeat(40) },
  metadata: { parents: { "": root[1].id } },
});
const last = putArguments({
  on: at(child),
  values: { messages: [message("c")] },
  carried: { mode: "m" },
  versions: { messages: 3 },
});

function at(made: ReturnType<typeof putArguments>): RunnableConfig {
  return { configurable: { ...made[0].configurable, checkpoint_id: made[1].id } };
}

const write: PendingWrite[] = [
  ["messages", [message("w")]],
  ["mode", "x"],
];

const calls: readonly (readonly [string, (saver: Saver) => Promise<unknown>])[] = [
  ["put of the first", (saver) => saver.put(...root)],
  ["putWrites", (saver) => saver.putWrites(at(root), write, "task")],
  ["putWrites before the put", (saver) => saver.putWrites(at(child), write, "task")],
  ["put on another", (saver) => saver.put(...child)],
  ["put in a namespace", (saver) => saver.put(...subgraph)],
  ["getTuple", (saver) => saver.getTuple(threadConfig("thread"))],
  ["list", (saver) => listed(saver, threadConfig("thread"))],
  ["prune", async (saver) => saver.prune?.("thread", { keep: 1 })],
  ["put after the prune", (saver) => saver.put(...last)],
  ["deleteThread", (saver) => saver.deleteThread("other")],
];

/** Makes the calls, loses the reply of one, and returns what the thread has then. */
async function run(saver: Saver, proxy: FaultyProxy, lost: number): Promise<unknown> {
  await put(saver, "other");
  for (const [index, [, call]] of calls.entries()) {
    if (index === lost) proxy.dropReplies({ command: ["EVALSHA", "RPUSH"] });
    await call(saver);
  }
  return {
    thread: await listed(saver, { configurable: { thread_id: "thread" } }),
    latest: await saver.getTuple(threadConfig("thread")),
    other: await saver.getTuple(threadConfig("other")),
  };
}

function put(saver: Saver, thread: string): Promise<RunnableConfig> {
  return saver.put(...putArguments({ on: threadConfig(thread), values: { mode: "m" } }));
}

async function outcomes(options: Partial<RedisSaverOptions>): Promise<{ proxy: FaultyProxy; found: unknown[] }> {
  const proxy = await through(servers.single);
  const client = keep(new Redis({ port: proxy.port, retryStrategy: () => 1 }));
  const found: unknown[] = [];
  for (let lost = -1; lost < calls.length; lost++) {
    found.push(await run(new RedisSaver({ client, keyPrefix: freshId(), ...options }), proxy, lost));
  }
  return { proxy, found };
}

test.each<readonly [string, Partial<RedisSaverOptions>]>([
  ['with `forks: "allow"`', { forks: "allow" }],
  ['with `forks: "refuse"`', { forks: "refuse" }],
  ["sealed and compressed,", { ...sealing() }],
])("%s a thread is as if no reply had been lost, whichever call it was", async (_name, options) => {
  // Twice, so that the server knows the scripts: what is lost is a reply, not NOSCRIPT.
  await outcomes(options);
  const { proxy, found } = await outcomes(options);
  const [undisturbed, ...disturbed] = found;
  for (const [index, one] of disturbed.entries()) expect(one, calls[index]?.[0]).toEqual(undisturbed);
  expect(proxy.faults).toBe(calls.length);
});

/** Keeps writes as most would: in a list. */
class AppendingSaver extends MemorySaver {
  readonly #client: Redis;
  readonly #key = freshId();

  constructor(client: Redis) {
    super();
    this.#client = client;
  }

  override async putWrites(_config: RunnableConfig, writes: PendingWrite[], taskId: string): Promise<void> {
    await this.#client.rpush(this.#key, ...writes.map(([channel, value]) => JSON.stringify([taskId, channel, value])));
  }

  override async getTuple(config: RunnableConfig): ReturnType<MemorySaver["getTuple"]> {
    const tuple = await super.getTuple(config);
    const pendingWrites = (await this.#client.lrange(this.#key, 0, -1)).map((one) => JSON.parse(one) as never);
    return tuple && { ...tuple, pendingWrites };
  }
}

test("a saver that appends writes to a list has them twice", async () => {
  const proxy = await through(servers.single);
  const client = keep(new Redis({ port: proxy.port, retryStrategy: () => 1 }));
  const writes = async (lose: boolean): Promise<number | undefined> => {
    const saver: Saver = new AppendingSaver(client);
    await saver.put(...root);
    if (lose) proxy.dropReplies({ command: "RPUSH" });
    await saver.putWrites(at(root), write, "task");
    return (await saver.getTuple(at(root)))?.pendingWrites?.length;
  };
  expect([await writes(false), await writes(true)]).toEqual([2, 4]);
});

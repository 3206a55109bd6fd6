// The model has answered, and the turn cannot be stored: the caller learns it in time, has the answer, and can store the
// turn later, once.
import { inspect } from "node:util";
import { InMemoryChatMessageHistory } from "@langchain/core/chat_history";
import { RunnableLambda } from "@langchain/core/runnables";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from "vitest";
import {
  ConversationChangedError,
  InvalidOptionError,
  RedisChatMessageHistory,
  StorageFullError,
  StoreUnavailableError,
  TurnNotStoredError,
} from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { faultyProxy, type FaultyProxy, startRedis } from "langchain-redis-sessions/testing";
import { findServerProgram } from "../../src/testing/servers/local-servers.js";
import { tooLateAfter } from "../support/too-late.js";
import { freshId } from "../support/turns.js";
import { lines } from "./support/conversation.js";
import { hanging } from "../support/scripted-model.js";
import { heardWarnings } from "../support/warnings.js";

/** Signals go to local processes, not into a container. */
const local = (await findServerProgram()) !== undefined;

/** Short where Redis does not answer, and long where it does: the machine may be busy. */
const DEADLINE = 0.4;
const LONG = 5;
const { single } = inject("servers");
let direct: Redis;
beforeAll(() => {
  direct = new Redis(single);
});
afterAll(async () => {
  await direct.quit();
});

const closing: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(closing.splice(0).map((close) => close()));
});

let sessionId: string;
beforeEach(() => {
  sessionId = freshId();
});
const config = () => ({ configurable: { sessionId } });
const stored = async (client = direct): Promise<string[]> =>
  lines(await new RedisChatMessageHistory({ client, sessionId }).getMessages());

async function throughProxy(): Promise<{ proxy: FaultyProxy; client: Redis }> {
  const proxy = await faultyProxy(single);
  const client = new Redis({ port: proxy.port, retryStrategy: () => 5 });
  client.on("error", () => {});
  closing.push(
    () => proxy.close(),
    () => client.disconnect(),
  );
  await client.ping();
  return { proxy, client };
}

/** A chain whose model, once it has its answer, does something else before it gives it. */
const chainOn = (client: Redis, meanwhile: () => unknown, deadline = DEADLINE) =>
  new RunnableWithSession({
    runnable: RunnableLambda.from(async (_said: string) => {
      await meanwhile();
      return "SECRET answer";
    }),
    getMessageHistory: (id) => new RedisChatMessageHistory({ client, sessionId: id, deadline }),
  });

async function invoked(chain: RunnableWithSession<string, string>): Promise<unknown> {
  return chain.invoke("SECRET question", config());
}

async function streamed(chain: RunnableWithSession<string, string>): Promise<unknown> {
  const parts: string[] = [];
  for await (const part of await chain.stream("SECRET question", config())) parts.push(part);
  return parts;
}

async function notStored(work: Promise<unknown>): Promise<TurnNotStoredError> {
  const error: unknown = await work.then(
    () => "resolved",
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TurnNotStoredError);
  return error as TurnNotStoredError;
}

const turnStored = ["human: SECRET question", "ai: SECRET answer"];

describe.each([
  { way: "invoke()", run: invoked },
  { way: "stream()", run: streamed },
])("$way", ({ run }) => {
  test("rejects within the deadline when Redis is gone, and retry() stores the turn once when it is back", async () => {
    const { proxy, client } = await throughProxy();
    let late: string | undefined;
    const chain = chainOn(client, () => {
      void tooLateAfter(DEADLINE * 2_000).then((told) => (late = told));
      proxy.blackhole();
    });
    const error = await notStored(run(chain));
    expect(late).toBeUndefined();
    expect(error).toMatchObject({ output: "SECRET answer", cause: expect.any(StoreUnavailableError) });
    expect(error.message).toContain("retry()");
    const again = await notStored(error.retry());
    expect(again).toMatchObject({ output: "SECRET answer", operationId: error.operationId });
    await proxy.heal();
    await error.retry();
    await again.retry();
    await Promise.all([error.retry(), again.retry()]);
    expect(await stored()).toEqual(turnStored);
  });

  test("resolves when only the reply was lost, and the turn is stored once", async () => {
    const { proxy, client } = await throughProxy();
    await run(chainOn(client, () => proxy.dropReplies({ command: ["EVALSHA", "EVAL"] }), LONG));
    expect(proxy.faults).toBe(1);
    expect(await stored()).toEqual(turnStored);
  });

  test("rejects when the turn was stored and the reply never came: retry() does not store it twice", async () => {
    const { proxy, client } = await throughProxy();
    client.options.retryStrategy = () => null;
    const error = await notStored(run(chainOn(client, () => proxy.dropReplies({ command: ["EVALSHA", "EVAL"] }))));
    expect(error.cause).toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate: true });
    expect(await stored()).toEqual(turnStored);
    client.options.retryStrategy = () => 5;
    await client.connect();
    await error.retry();
    expect(await stored()).toEqual(turnStored);
  });

  test("rejects when the conversation was cleared meanwhile: retry() does not bring it back", async () => {
    const other = new RedisChatMessageHistory({ client: direct, sessionId });
    const error = await notStored(run(chainOn(direct, () => other.clear(), LONG)));
    expect(error.cause).toBeInstanceOf(ConversationChangedError);
    expect(error.message).not.toContain("retry()");
    await notStored(error.retry());
    expect(await stored()).toEqual([]);
  });
});

test.skipIf(!local)(
  "a Redis that is killed between answer and write: it rejects in time, and holds the answer",
  async () => {
    const redis = await startRedis();
    const client = new Redis(redis.port, redis.host);
    client.on("error", () => {});
    closing.push(
      () => client.disconnect(),
      () => redis.stop(),
    );
    await client.ping();
    let late: string | undefined;
    const chain = chainOn(client, () => {
      void tooLateAfter(DEADLINE * 2_000).then((told) => (late = told));
      for (const pid of redis.pids) process.kill(pid, "SIGKILL");
    });
    const error = await notStored(invoked(chain));
    expect(late).toBeUndefined();
    expect(error.output).toBe("SECRET answer");
  },
);

test.skipIf(!local)(
  "a Redis that stands still: it rejects in time, and retry() stores once when it goes on",
  async () => {
    const redis = await startRedis();
    const client = new Redis(redis.port, redis.host);
    closing.push(
      () => client.disconnect(),
      () => redis.stop(),
    );
    await client.ping();
    const all = (signal: NodeJS.Signals): void => redis.pids.forEach((pid) => process.kill(pid, signal));
    const error = await notStored(invoked(chainOn(client, () => all("SIGSTOP"))));
    all("SIGCONT");
    await error.retry();
    expect(await stored(client)).toEqual(turnStored);
  },
);

test("a Redis that is full: the cause says so, and retry() stores once when there is room", async () => {
  const redis = await startRedis();
  const client = new Redis(redis.port, redis.host);
  closing.push(
    () => client.disconnect(),
    () => redis.stop(),
  );
  const error = await notStored(invoked(chainOn(client, () => client.config("SET", "maxmemory", "1"))));
  expect(error.cause).toBeInstanceOf(StorageFullError);
  await client.config("SET", "maxmemory", "0");
  await error.retry();
  await error.retry();
  expect(await stored(client)).toEqual(turnStored);
});

test("the error shows no content; the answer is there for those who ask for it", async () => {
  const error = await notStored(
    invoked(chainOn(direct, () => direct.set(`chat:history:{${sessionId}}:messages`, "x"), LONG)),
  );
  for (const shown of [inspect(error, { depth: 20 }), JSON.stringify(error), String(error), error.stack]) {
    expect(shown).not.toContain("SECRET");
  }
  expect(Object.keys(error)).not.toContain("output");
  expect(error.output).toBe("SECRET answer");
  expect(error.cause).toMatchObject({ code: "CORRUPT_MESSAGE" });
  await direct.del(`chat:history:{${sessionId}}:messages`);
  await error.retry();
  expect(await stored()).toEqual(turnStored);
});

test("an output in which no answer is found is not lost", async () => {
  const chain = new RunnableWithSession({
    runnable: RunnableLambda.from((_input: string) => ({ text: "SECRET answer", sources: [] })),
    getMessageHistory: (id) => new RedisChatMessageHistory({ client: direct, sessionId: id }),
  });
  const error = await notStored(chain.invoke("Hi", config()));
  expect(error).toMatchObject({ output: { text: "SECRET answer" }, cause: { option: "outputMessagesKey" } });
  expect(error.cause).toBeInstanceOf(InvalidOptionError);
  expect(error.message).not.toContain("retry()");
});

test("an error of a history of another library is told by its name only", async () => {
  const history = new InMemoryChatMessageHistory();
  vi.spyOn(history, "addMessages").mockRejectedValue(new TypeError("cannot store SECRET question"));
  const chain = new RunnableWithSession({
    runnable: RunnableLambda.from(() => "SECRET answer"),
    getMessageHistory: () => history,
  });
  const error = await notStored(chain.invoke("SECRET question", config()));
  expect(inspect(error, { depth: 20 })).not.toContain("SECRET");
  expect((error.cause as Error).message).toBe("TypeError");
});

describe("an interrupted turn that cannot be stored", () => {
  const hangingOn = (client: Redis, onError?: (error: TurnNotStoredError) => void) =>
    new RunnableWithSession({
      runnable: hanging(["SECRET part"]),
      getMessageHistory: (id) => new RedisChatMessageHistory({ client, sessionId: id, deadline: DEADLINE }),
      onError,
    });
  async function aborted(chain: RunnableWithSession<unknown, unknown>, meanwhile: () => void): Promise<void> {
    const stop = new AbortController();
    const stream = await chain.stream("SECRET question", { ...config(), signal: stop.signal });
    meanwhile();
    stop.abort(new Error("enough"));
    const reading = async (): Promise<void> => {
      for await (const _part of stream);
    };
    // At once, not when the write has failed.
    await expect(Promise.race([reading(), tooLateAfter(DEADLINE * 900)])).rejects.toThrow("enough");
  }

  test("is told to onError, with what there was of it, and can be stored later", async () => {
    const { proxy, client } = await throughProxy();
    const told: TurnNotStoredError[] = [];
    await aborted(
      hangingOn(client, (error) => void told.push(error)),
      () => proxy.blackhole(),
    );
    await expect.poll(() => told.length).toBe(1);
    expect(lines(told[0]?.output as never)).toEqual(["human: SECRET question", "ai!: SECRET part"]);
    await proxy.heal();
    await told[0]?.retry();
    await told[0]?.retry();
    expect(await stored()).toEqual(["human: SECRET question", "ai!: SECRET part"]);
  });

  test.each(["by default", "when onError itself fails"])("%s becomes a warning without content", async (when) => {
    const { proxy, client } = await throughProxy();
    const warnings = heardWarnings();
    const failing = (): never => {
      throw new Error("mine");
    };
    await aborted(hangingOn(client, when === "by default" ? undefined : failing), () => proxy.blackhole());
    await expect.poll(() => warnings.length).toBe(1);
    expect(warnings[0]).toMatchObject({ name: "TurnNotStoredWarning", code: "TURN_NOT_STORED" });
    expect(inspect(warnings[0], { depth: 20, showHidden: true })).not.toContain("SECRET");
  });

  test("after an error of the model: that error reaches the caller", async () => {
    const { proxy, client } = await throughProxy();
    const told: TurnNotStoredError[] = [];
    const chain = new RunnableWithSession({
      runnable: RunnableLambda.from((): string => {
        proxy.refuse();
        throw new Error("The provider is out of order.");
      }),
      getMessageHistory: (id) => new RedisChatMessageHistory({ client, sessionId: id, deadline: DEADLINE }),
      onError: (error) => void told.push(error),
    });
    await expect(chain.invoke("Hi", config())).rejects.toThrow("out of order");
    expect(told).toHaveLength(1);
  });

  test("a turn that was aborted during its final write, which then fails, is told to onError", async () => {
    const { proxy, client } = await throughProxy();
    const stop = new AbortController();
    const told: TurnNotStoredError[] = [];
    const chain = new RunnableWithSession({
      runnable: RunnableLambda.from(() => {
        proxy.blackhole();
        setTimeout(() => stop.abort(new Error("enough")), 50);
        return "answer";
      }),
      getMessageHistory: (id) => new RedisChatMessageHistory({ client, sessionId: id, deadline: DEADLINE }),
      onError: (error) => void told.push(error),
    });
    await expect(chain.invoke("Hi", { ...config(), signal: stop.signal })).rejects.toThrow("enough");
    await expect.poll(() => told.length).toBe(1);
    expect(told[0]?.output).toBe("answer");
  });
});

// An answer that is closed waits for the write of its turn, which needs the lease that the end of the answer gives back.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { createAgent } from "langchain";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { startRedis } from "langchain-redis-sessions/testing";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { closingIn } from "../support/closing.js";
import { hanging } from "../support/scripted-model.js";
import { Answering, heard } from "./support/answering.js";

// A server of its own, because it forgets its scripts: then a write takes two round trips, and the end of the answer one.
const { closing, keep } = closingIn(afterAll);
const redis = await startRedis();
closing.push(() => redis.stop());
const client = keep(new Redis(redis.url));

test.each(["an agent", "a runnable"])("%s that is aborted: what it said is stored", async (kind) => {
  const user = await Answering.on(client);
  onTestFinished(() => user.close());
  const { session, store: sessions } = user;
  const answer = await user.begin();
  const model = hanging(["Hel", "lo"]);
  const abort = new AbortController();
  const run = async (): Promise<void> => {
    const stream =
      kind === "an agent"
        ? await createAgent({ model, tools: [], middleware: [sessionMiddleware({ sessions })] }).stream(
            { messages: [new HumanMessage("Hi")] },
            { context: { session, answer }, streamMode: "messages", signal: abort.signal },
          )
        : await new RunnableWithSession({ runnable: model, sessions }).stream([new HumanMessage("Hi")], {
            configurable: { session, answer },
            signal: abort.signal,
          });
    let count = 0;
    for await (const _chunk of stream) {
      answer.send("part");
      if (++count < 2) continue;
      await client.script("FLUSH");
      // The server learns only the script that adds events again.
      answer.send("more");
      await expect.poll(() => client.llen(user.keys.answer(user.id).events)).toBeGreaterThan(3);
      abort.abort();
    }
  };
  await expect(run()).rejects.toThrow(/abort/i);
  await answer.close();
  expect(await user.stored()).toEqual(["human: Hi", "ai!: Hello"]);
  expect((await heard(user.answers)).at(-1)).toEqual({ end: "interrupted" });
});

test("a turn that is stored by hand while its answer is closed is stored", async () => {
  const user = await Answering.on(client);
  onTestFinished(() => user.close());
  const answer = await user.begin();
  await client.script("FLUSH");
  answer.send("more");
  await expect.poll(() => client.llen(user.keys.answer(user.id).events)).toBeGreaterThan(1);
  const storing = answer.store([new AIMessage("Hello")]);
  await answer.close();
  await storing;
  expect(await user.stored()).toEqual(["human: Hi", "ai: Hello"]);
});

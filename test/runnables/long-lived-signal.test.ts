// A signal that outlives its turns, that of a server's shutdown, say: a thousand turns leave no listeners on it, and
// nothing of them in memory.
import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { InMemoryChatMessageHistory } from "@langchain/core/chat_history";
import { type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { RunnableLambda } from "@langchain/core/runnables";
import { Redis } from "ioredis";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import { SessionStore } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { freshId } from "../support/turns.js";

const TURNS = 1_000;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

test.each(["invoke", "stream"] as const)("after a thousand turns by %s() nothing is left of them", async (way) => {
  const signal = new AbortController().signal;
  const answers: WeakRef<object>[] = [];
  const chain = new RunnableWithSession({
    runnable: RunnableLambda.from((_said: string) => {
      const answer = { output: "answer" };
      answers.push(new WeakRef(answer));
      return answer;
    }),
    getMessageHistory: () => new InMemoryChatMessageHistory(),
  });
  const config = { configurable: { sessionId: "a" }, signal };
  for (let turn = 0; turn < TURNS; turn++) {
    if (way === "invoke") await chain.invoke("Hi", config);
    else for await (const _part of await chain.stream("Hi", config));
  }
  expect(getEventListeners(signal, "abort")).toEqual([]);
  await new Promise(setImmediate);
  collectGarbage();
  const left = answers.filter((answer) => answer.deref() !== undefined);
  expect(left.length).toBeLessThan(TURNS / 10);
});

test("turns that fail, time out or are broken off leave no listeners either", async () => {
  // Which keeps what they return: Node 20 may collect it as garbage before it fires.
  const signals = [vi.spyOn(AbortSignal, "timeout"), vi.spyOn(AbortSignal, "any")];
  onTestFinished(() => signals.forEach((spy) => spy.mockRestore()));
  const { signal } = new AbortController();
  const failing = new RunnableWithSession({
    runnable: RunnableLambda.from(async (messages: BaseMessage[]) => {
      const said = messages.at(-1)?.text;
      if (said === "fail") throw new Error("out of order");
      if (said === "hang") await new Promise(() => {});
      return "answer";
    }),
    getMessageHistory: () => new InMemoryChatMessageHistory(),
  });
  const config = { configurable: { sessionId: "a" }, signal };
  await expect(failing.invoke([new HumanMessage("fail")], config)).rejects.toThrow("out of order");
  await expect(failing.stream([new HumanMessage("fail")], config)).rejects.toThrow("out of order");
  await expect(failing.invoke([new HumanMessage("hang")], { ...config, timeout: 20 })).rejects.toMatchObject({
    name: "TimeoutError",
  });
  await expect(failing.stream([new HumanMessage("hang")], { ...config, timeout: 20 })).rejects.toMatchObject({
    name: "TimeoutError",
  });
  for await (const _part of await failing.stream([new HumanMessage("work")], config)) break;
  await expect.poll(() => getEventListeners(signal, "abort").length).toBe(0);
});

test("turns of a session leave nothing on the signal of its whole life", async () => {
  const client = new Redis(inject("servers").single);
  const sessions = new SessionStore({ client, keyPrefix: freshId() });
  const { session } = await sessions.create({ userId: freshId(), agentId: "support" });
  const signal = sessions.signal(session);
  const chain = new RunnableWithSession({ runnable: RunnableLambda.from((_said: unknown) => "answer"), sessions });
  for (let turn = 0; turn < 50; turn++) await chain.invoke("Hi", { configurable: { session } });
  expect(getEventListeners(signal, "abort")).toEqual([]);
  expect(sessions.signal(session)).toBe(signal);
  await sessions.close();
  await client.quit();
});

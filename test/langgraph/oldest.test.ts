// The savers with the oldest packages of LangChain that package.json allows.
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { installPackage } from "../support/installed-package.js";

const run = promisify(execFile);
const { single } = inject("servers");

let installed: ReturnType<typeof installPackage>;
beforeAll(() => {
  installed = installPackage({ oldest: true });
});
afterAll(() => {
  installed.remove();
});

const program = `
  import { randomUUID } from "node:crypto";
  import { FakeListChatModel } from "@langchain/core/utils/testing";
  import { Annotation, Command, interrupt, MemorySaver, Send, StateGraph } from "@langchain/langgraph";
  import { createAgent } from "langchain";
  import { connect, SessionStore } from "langchain-redis-sessions";
  import { sessionMiddleware } from "langchain-redis-sessions/agents";
  import { RedisSaver, sessionConfig, SessionSaver } from "langchain-redis-sessions/langgraph";

  const client = connect(process.env.REDIS_URL);
  const sessions = new SessionStore({ client });
  const { session } = await sessions.create({ userId: randomUUID(), agentId: "support" });

  const state = Annotation.Root({ said: Annotation({ reducer: (a, b) => [...a, ...b], default: () => [] }) });
  const inner = new StateGraph(state)
    .addNode("ask", () => ({ said: [interrupt("Sure?")] }))
    .addEdge("__start__", "ask")
    .compile();
  const graphOf = (checkpointer) =>
    new StateGraph(state)
      .addNode("fan", () => ({ said: ["fan"] }))
      .addNode("each", ({ said }) => ({ said }))
      .addNode("inner", inner)
      .addEdge("__start__", "fan")
      .addConditionalEdges("fan", () => ["a", "b"].map((one) => new Send("each", { said: [one] })))
      .addEdge("each", "inner")
      .compile({ checkpointer });
  const thread = { configurable: { thread_id: randomUUID() } };
  for (const [saver, config] of [
    [new MemorySaver(), thread],
    [new RedisSaver({ client }), thread],
    [new SessionSaver({ sessions }), sessionConfig(session)],
  ]) {
    const graph = graphOf(saver);
    await graph.invoke({ said: ["Hi"] }, config);
    const { next } = await graph.getState(config);
    const { said } = await graph.invoke(new Command({ resume: "yes" }), config);
    const steps = [];
    for await (const snapshot of graph.getStateHistory(config)) steps.push(snapshot.metadata.step);
    console.log(JSON.stringify({ next, said, steps }));
  }

  const agent = createAgent({
    model: new FakeListChatModel({ responses: ["Hello."] }),
    tools: [],
    checkpointer: new SessionSaver({ sessions }),
    middleware: [sessionMiddleware({ sessions })],
  });
  const { session: other } = await sessions.create({ userId: randomUUID(), agentId: "support" });
  await agent.invoke({ messages: "Hi" }, sessionConfig(other));
  const { messages } = await agent.invoke({ messages: "Hi again" }, sessionConfig(other));
  console.log(messages.map(({ text }) => text).join(" "));
  await sessions.close();
  await client.quit();
`;

test("threads, sends, subgraphs and interrupts are as MemorySaver has them, and an agent of sessions goes on", async () => {
  const versionOf = (name: string): string =>
    (
      JSON.parse(readFileSync(path.join(installed.folder, "node_modules", name, "package.json"), "utf8")) as {
        version: string;
      }
    ).version;
  expect(versionOf("@langchain/langgraph-checkpoint")).toBe("1.1.2");
  const file = path.join(installed.folder, "program.mjs");
  writeFileSync(file, program);
  const env = { ...process.env, REDIS_URL: `redis://${single.host}:${single.port}` };
  const { stdout } = await run(process.execPath, [file], { env });
  const [memory, redis, bound, said] = stdout.trim().split("\n");
  expect(JSON.parse(memory ?? "")).toMatchObject({
    next: ["inner"],
    said: expect.arrayContaining(["Hi", "a", "b", "yes"]) as unknown,
  });
  expect(redis).toBe(memory);
  expect(bound).toBe(memory);
  expect(said).toBe("Hi Hello. Hi again Hello.");
});

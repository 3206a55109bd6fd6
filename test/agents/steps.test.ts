import type { BaseMessage } from "@langchain/core/messages";
import { createAgent, tool } from "langchain";
import { expect, test } from "vitest";
import { z } from "zod";
import { SessionNotFoundError, TurnNotStoredError } from "langchain-redis-sessions";
import { sessionMiddleware, type SessionMiddlewareOptions } from "langchain-redis-sessions/agents";
import { calling, ScriptedModel } from "../support/scripted-model.js";
import { texts } from "../support/turns.js";
import { session, sessions, stored } from "./support/sessions.js";

const seenByTool: string[][] = [];
const look = tool(
  async ({ at }) => {
    seenByTool.push(texts(await stored()));
    return `saw ${at}`;
  },
  { name: "look", description: "Looks at something", schema: z.object({ at: z.string() }) },
);
const agentOf = (model: ScriptedModel, options: Partial<SessionMiddlewareOptions> = {}) =>
  createAgent({ model, tools: [look], middleware: [sessionMiddleware({ sessions, persist: "step", ...options })] });

test("each step is stored as soon as it is finished, whole", async () => {
  seenByTool.length = 0;
  const model = new ScriptedModel(
    calling(["look", { at: "a" }]),
    calling(["look", { at: "b" }], ["look", { at: "c" }]),
    "Done.",
  );
  await agentOf(model).invoke({ messages: "Go" }, { context: { session } });
  expect(seenByTool).toEqual([["Go"], ["Go", "", "saw a"], ["Go", "", "saw a"]]);
  expect(texts(await stored())).toEqual(["Go", "", "saw a", "", "saw b", "saw c", "Done."]);
});

test("a run that breaks off keeps its finished steps, and another one goes on with them", async () => {
  const crashing = new ScriptedModel(calling(["look", { at: "a" }]), new Error("power cut"));
  const agent = agentOf(crashing);
  await expect(agent.invoke({ messages: "Go" }, { context: { session } })).rejects.toThrow("power cut");
  expect(texts(await stored())).toEqual(["Go", "", "saw a"]);
  const model = new ScriptedModel("Done.");
  await agentOf(model).invoke({ messages: [] }, { context: { session } });
  expect(texts(model.given[0] ?? [])).toEqual(["Go", "", "saw a"]);
  expect(texts(await stored())).toEqual(["Go", "", "saw a", "Done."]);
});

test("a step that cannot be stored ends the run with what there is", async () => {
  const model = new ScriptedModel(async () => {
    await sessions.conversations.delete(session, session.conversationId);
    return calling(["look", { at: "a" }])();
  }, "never said");
  const error: unknown = await agentOf(model)
    .invoke({ messages: "Go" }, { context: { session } })
    .catch((failure: unknown) => failure);
  expect(error).toBeInstanceOf(TurnNotStoredError);
  expect(texts((error as { output: { messages: BaseMessage[] } }).output.messages)).toEqual(["Go", "", "saw a"]);
  expect(model.given).toHaveLength(1);
});

test("a session that ends between two steps ends the run", async () => {
  const model = new ScriptedModel(calling(["look", { at: "a" }]), "never said");
  const ending = tool(
    async () => {
      const ended = new Promise((resolve) => sessions.signal(session).addEventListener("abort", resolve));
      await sessions.endAll(session);
      await ended;
      return "ended";
    },
    { name: "look", description: "Ends the session", schema: z.object({ at: z.string() }) },
  );
  const agent = createAgent({
    model,
    tools: [ending],
    middleware: [sessionMiddleware({ sessions, persist: "step" })],
  });
  await expect(agent.invoke({ messages: "Go" }, { context: { session } })).rejects.toThrow(SessionNotFoundError);
  expect(model.given).toHaveLength(1);
});

test("a request that is repeated is refused once its turn is stored", async () => {
  const model = new ScriptedModel("Done.");
  const call = (): Promise<unknown> =>
    agentOf(model).invoke({ messages: "Go" }, { context: { session, operationId: "request-1" } });
  await call();
  await expect(call()).rejects.toThrow("used before");
  expect(await stored()).toHaveLength(2);
});

test("under a lease, the steps of two runs do not mix", async () => {
  const run = (name: string): Promise<unknown> =>
    agentOf(new ScriptedModel(calling(["look", { at: name }]), `${name} is done`), { concurrency: "wait" }).invoke(
      { messages: name },
      { context: { session } },
    );
  await Promise.all(["a", "b", "c"].map(run));
  const said = texts(await stored());
  const order = said.filter((text) => /^[abc]$/u.test(text));
  expect(said).toEqual(order.flatMap((name) => [name, "", `saw ${name}`, `${name} is done`]));
});

// A run can end without its hooks being told. It looks like a pause, so only time tells.
import { type AgentMiddleware, createAgent, createMiddleware, modelCallLimitMiddleware, tool } from "langchain";
import { afterEach, expect, test, vi } from "vitest";
import { z } from "zod";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { calling, ScriptedModel } from "../support/scripted-model.js";
import { session, sessions, stored } from "./support/sessions.js";

afterEach(() => {
  vi.useRealTimers();
});

const look = tool(() => "seen", { name: "look", description: "Looks", schema: z.object({}) });
const kept = async (): Promise<string[]> => {
  const messages = await stored();
  return messages.map(({ type, response_metadata }) => (response_metadata["interrupted"] ? `${type}!` : type));
};
const agentOf = (...others: AgentMiddleware[]) =>
  createAgent({
    model: new ScriptedModel(calling(["look", {}])),
    tools: [look],
    middleware: [sessionMiddleware({ sessions }), ...others],
  });
const soon = (): void => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 11_000 });
};

test("a run at the recursion limit is stored as an interrupted turn", async () => {
  const run = agentOf().invoke({ messages: "Go" }, { context: { session }, recursionLimit: 5 });
  await expect(run).rejects.toThrow(/recursion limit/iu);
  expect(await kept()).toEqual([]);
  soon();
  await expect.poll(kept, { timeout: 5_000 }).toEqual(["human", "ai", "tool!"]);
});

test("a run that another middleware ends by a jump is stored as an interrupted turn", async () => {
  const limit = modelCallLimitMiddleware({ runLimit: 1, exitBehavior: "end" } as never) as AgentMiddleware;
  await agentOf(limit).invoke({ messages: "Go" }, { context: { session } });
  soon();
  await expect.poll(kept, { timeout: 5_000 }).toEqual(["human", "ai", "tool!"]);
});

test("a run that another middleware's hook ends by an error is stored as an interrupted turn", async () => {
  const broken = createMiddleware({
    name: "Broken",
    beforeModel: () => {
      throw new Error("a bug of somebody's");
    },
  }) as AgentMiddleware;
  await expect(agentOf(broken).invoke({ messages: "Go" }, { context: { session } })).rejects.toThrow("a bug");
  soon();
  await expect.poll(kept, { timeout: 5_000 }).toEqual(["human!"]);
});

test("a run whose tool is silent for long is left alone", async () => {
  let done: (() => void) | undefined;
  const answer = (): Promise<string> =>
    new Promise((resolve) => {
      done = () => resolve("seen");
    });
  const long = tool(answer, {
    name: "look",
    description: "Looks for long",
    schema: z.object({}),
  });
  const agent = createAgent({
    model: new ScriptedModel(calling(["look", {}]), "Done."),
    tools: [long],
    middleware: [sessionMiddleware({ sessions })],
  });
  const run = agent.invoke({ messages: "Go" }, { context: { session } });
  await vi.waitFor(() => expect(done).toBeDefined());
  soon();
  // That nothing happens cannot be awaited: once longer than it takes until runs are looked after.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(await kept()).toEqual([]);
  done?.();
  await run;
  expect(await kept()).toEqual(["human", "ai", "tool", "ai"]);
});

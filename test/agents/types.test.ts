// Checked by the compiler; that it runs shows that these agents can be made.
import { MemorySaver } from "@langchain/langgraph";
import { createAgent, createMiddleware, type BaseMessage } from "langchain";
import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { type Session } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { ScriptedModel } from "../support/scripted-model.js";
import { sessions } from "./support/sessions.js";

test("the context of a call is a session, and perhaps an operation id", async () => {
  const agent = createAgent({
    model: new ScriptedModel("Hi"),
    tools: [],
    middleware: [sessionMiddleware({ sessions })],
  });
  type Call = NonNullable<Parameters<typeof agent.invoke>[1]>;
  expectTypeOf<NonNullable<Call["context"]>["session"]>().toEqualTypeOf<Session>();
  expectTypeOf<NonNullable<Call["context"]>["operationId"]>().toEqualTypeOf<string | undefined>();
  // @ts-expect-error a session is required
  const context: NonNullable<Call["context"]> = { operationId: "request-1" };
  expect(context).not.toHaveProperty("session");
});

test("the agent's result is what it is without this middleware", async () => {
  const agent = createAgent({
    model: new ScriptedModel("Hi"),
    tools: [],
    middleware: [sessionMiddleware({ sessions })],
  });
  type Result = Awaited<ReturnType<typeof agent.invoke>>;
  expectTypeOf<Result["messages"]>().toExtend<BaseMessage[]>();
  expectTypeOf<Result>().not.toHaveProperty("_session");
  const { session } = await sessions.create({ userId: "ada", agentId: "assistant" });
  const result = await agent.invoke({ messages: "Hi" }, { context: { session } });
  expect(Object.keys(result)).toEqual(["messages"]);
});

test("contexts and states of the agent and of other middleware stay what they are", async () => {
  const counting = createMiddleware({
    name: "Counting",
    contextSchema: z.object({ tenant: z.string() }),
    stateSchema: z.object({ calls: z.number().default(0) }),
    afterModel: ({ calls }) => ({ calls: calls + 1 }),
  });
  const agent = createAgent({
    model: new ScriptedModel("Hi"),
    tools: [],
    contextSchema: z.object({ locale: z.string() }),
    checkpointer: new MemorySaver(),
    middleware: [sessionMiddleware({ sessions }), counting],
  });
  type Context = NonNullable<NonNullable<Parameters<typeof agent.invoke>[1]>["context"]>;
  expectTypeOf<Pick<Context, "session" | "tenant" | "locale">>().toEqualTypeOf<{
    session: Session;
    tenant: string;
    locale: string;
  }>();
  const { session } = await sessions.create({ userId: "ada", agentId: "assistant" });
  const context = { session, tenant: "acme", locale: "en" };
  const { calls } = await agent.invoke({ messages: "Hi" }, { context, configurable: { thread_id: session.id } });
  expectTypeOf(calls).toEqualTypeOf<number>();
  expect(calls).toBe(1);
});

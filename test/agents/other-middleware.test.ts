// What other middleware does to the agent's messages, or to its course, does not spoil what is stored.
import { AIMessage, RemoveMessage } from "@langchain/core/messages";
import { MemorySaver } from "@langchain/langgraph";
import {
  type AgentMiddleware,
  ClearToolUsesEdit,
  contextEditingMiddleware,
  createAgent,
  createMiddleware,
  modelFallbackMiddleware,
  modelRetryMiddleware,
  piiMiddleware,
  tool,
  toolCallLimitMiddleware,
  toolStrategy,
} from "langchain";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { calling, never, ScriptedModel } from "../support/scripted-model.js";
import { texts } from "../support/turns.js";
import { session, sessions, stored, types } from "./support/sessions.js";

const look = tool(({ at }) => `saw ${at}`, {
  name: "look",
  description: "Looks at something",
  schema: z.object({ at: z.string() }),
});

/** Both orders; what others export has types that do not hold under exactOptionalPropertyTypes. */
const orders = ["first", "last"] as const;
function listed(order: "first" | "last", other: unknown): AgentMiddleware[] {
  const ours = sessionMiddleware({ sessions }) as unknown as AgentMiddleware;
  const theirs = other as AgentMiddleware;
  return order === "first" ? [ours, theirs] : [theirs, ours];
}

describe.each(orders)("sessionMiddleware listed %s", (order) => {
  test("a limit of tool calls that ends the run does not lose its turn", async () => {
    const limit = toolCallLimitMiddleware({ runLimit: 1, exitBehavior: "end" } as never);
    const model = new ScriptedModel(calling(["look", { at: "a" }]), calling(["look", { at: "b" }]));
    const agent = createAgent({ model, tools: [look], middleware: listed(order, limit) });
    const { messages } = await agent.invoke({ messages: "Go" }, { context: { session } });
    expect(types(await stored())).toEqual(["human", "ai", "tool", "ai", "tool", "ai"]);
    expect(texts(await stored())).toEqual(texts(messages));
  });

  test("results of tools that are cleared, and arguments of calls, are stored as they were", async () => {
    const edit = new ClearToolUsesEdit({
      trigger: { messages: 2 },
      keep: { messages: 0 },
      clearToolInputs: true,
    });
    const model = new ScriptedModel(
      calling(["look", { at: "a" }]),
      calling(["look", { at: "b" }]),
      "Done.",
      calling(["look", { at: "c" }]),
      "Done again.",
    );
    const agent = createAgent({
      model,
      tools: [look],
      checkpointer: new MemorySaver(),
      middleware: listed(order, contextEditingMiddleware({ edits: [edit] })),
    });
    const call = { context: { session }, configurable: { thread_id: session.id } };
    for (const messages of ["Go", "Again"]) await agent.invoke({ messages }, call);
    expect(texts(model.given[2] ?? [])).toContain("[cleared]");
    const found = await stored();
    expect(texts(found)).toEqual(["Go", "", "saw a", "", "saw b", "Done.", "Again", "", "saw c", "Done again."]);
    expect(found.flatMap((message) => (AIMessage.isInstance(message) ? (message.tool_calls ?? []) : []))).toMatchObject(
      ["a", "b", "c"].map((at) => ({ args: { at } })),
    );
  });

  test("personal data that is blotted out is not stored", async () => {
    const pii = piiMiddleware("email", { applyToOutput: true });
    const agent = createAgent({
      model: new ScriptedModel("Mail ada@example.com"),
      tools: [],
      middleware: listed(order, pii),
    });
    await agent.invoke({ messages: "I am bob@example.com" }, { context: { session } });
    expect(texts(await stored())).toEqual(["I am [REDACTED_EMAIL]", "Mail [REDACTED_EMAIL]"]);
  });

  test("an answer of which the first try failed is kept as it was said at last", async () => {
    const model = new ScriptedModel("one two three");
    const controller = new AbortController();
    let failures = 1;
    model.afterWord = (word) => {
      if (word !== "two") return Promise.resolve();
      if (failures-- > 0) return Promise.reject(new Error("line cut"));
      controller.abort();
      return never([], controller.signal);
    };
    const retry = modelRetryMiddleware({ maxRetries: 2, initialDelayMs: 1 });
    const agent = createAgent({ model, tools: [], middleware: listed(order, retry) });
    const stream = await agent.stream(
      { messages: "Hi" },
      { context: { session }, signal: controller.signal, streamMode: "messages" },
    );
    await expect(async () => {
      for await (const _ of stream);
    }).rejects.toThrow(/abort/iu);
    await expect.poll(async () => texts(await stored())).toEqual(["Hi", "one two "]);
  });

  test("the answer of another model is stored when the first one fails", async () => {
    const fallback = modelFallbackMiddleware(new ScriptedModel("from another") as never);
    const agent = createAgent({
      model: new ScriptedModel(new Error("down")),
      tools: [],
      middleware: listed(order, fallback),
    });
    await agent.invoke({ messages: "Hi" }, { context: { session } });
    expect(texts(await stored())).toEqual(["Hi", "from another"]);
  });
});

test("messages that another middleware removes are stored, in order", async () => {
  const onlyLatest = createMiddleware({
    name: "OnlyLatest",
    beforeModel: ({ messages }) => ({
      messages: messages.slice(0, -1).map(({ id }) => new RemoveMessage({ id: id ?? "" })),
    }),
  });
  const model = new ScriptedModel(calling(["look", { at: "a" }], ["look", { at: "b" }]), "Done.");
  const agent = createAgent({ model, tools: [look], middleware: listed("first", onlyLatest) });
  await agent.invoke({ messages: "Go" }, { context: { session } });
  expect(texts(model.given[1] ?? [])).toEqual(["saw b"]);
  expect(texts(await stored())).toEqual(["Go", "", "saw a", "saw b", "Done."]);
});

test("what another model says, unheard in the stream, is no part of an answer that is interrupted", async () => {
  const adviser = new ScriptedModel("some advice");
  const controller = new AbortController();
  adviser.afterWord = (word) => {
    if (word !== "advice") return Promise.resolve();
    controller.abort();
    return never([], controller.signal);
  };
  const advised = createMiddleware({
    name: "Advised",
    async wrapModelCall(request, handler) {
      for await (const _ of await adviser.stream("What now?", { tags: ["nostream"] }));
      return handler(request);
    },
  });
  const agent = createAgent({
    model: new ScriptedModel("never said"),
    tools: [],
    middleware: listed("first", advised),
  });
  await expect(async () => {
    const how = { context: { session }, signal: controller.signal, streamMode: "messages" } as const;
    for await (const _ of await agent.stream({ messages: "Hi" }, how));
  }).rejects.toThrow(/abort/iu);
  await expect.poll(async () => texts(await stored())).toEqual(["Hi"]);
});

test("what another model says after the answer takes no place of it in a turn that is interrupted", async () => {
  const critic = new ScriptedModel("some remarks");
  const controller = new AbortController();
  critic.afterWord = () => {
    controller.abort();
    return never([], controller.signal);
  };
  const criticised = createMiddleware({
    name: "Criticised",
    async wrapModelCall(request, handler) {
      const answer = await handler(request);
      for await (const _ of await critic.stream("Well?"));
      return answer;
    },
  });
  const agent = createAgent({ model: new ScriptedModel("Hello."), tools: [], middleware: listed("last", criticised) });
  await expect(async () => {
    const how = { context: { session }, signal: controller.signal, streamMode: "messages" } as const;
    for await (const _ of await agent.stream({ messages: "Hi" }, how));
  }).rejects.toThrow(/abort/iu);
  await expect.poll(async () => texts(await stored())).toEqual(["Hi", "Hello."]);
});

test("a run that a middleware listed before ends at its beginning is stored", async () => {
  const guard = createMiddleware({
    name: "Guard",
    beforeAgent: {
      canJumpTo: ["end"],
      hook: () => ({ messages: [new AIMessage("Not here.")], jumpTo: "end" as const }),
    },
  });
  const model = new ScriptedModel("never said");
  const agent = createAgent({ model, tools: [], checkpointer: new MemorySaver(), middleware: listed("last", guard) });
  const call = { context: { session }, configurable: { thread_id: session.id } };
  for (const messages of ["one", "two"]) await agent.invoke({ messages }, call);
  expect(texts(await stored())).toEqual(["one", "Not here.", "two", "Not here."]);
  expect(model.given).toHaveLength(0);
});

describe("a structured answer", () => {
  test("is stored with what led to it, after a try that did not fit", async () => {
    const format = toolStrategy(z.object({ city: z.string() }));
    const name = format[0]?.name ?? "";
    const model = new ScriptedModel(
      calling(["look", { at: "a" }]),
      calling([name, { city: 1 }]),
      calling([name, { city: "Oslo" }]),
    );
    const agent = createAgent({
      model,
      tools: [look],
      responseFormat: format,
      middleware: [sessionMiddleware({ sessions })],
    });
    const { messages, structuredResponse } = await agent.invoke({ messages: "Go" }, { context: { session } });
    expect(structuredResponse).toEqual({ city: "Oslo" });
    expect(types(await stored())).toEqual(["human", "ai", "tool", "ai", "tool", "ai", "tool", "ai"]);
    expect(texts(await stored())).toEqual(texts(messages));
  });

  test("takes no other one's place when the model gives each the same id", async () => {
    const format = toolStrategy(z.object({ city: z.string() }));
    const call = calling([format[0]?.name ?? "", { city: "Oslo" }]);
    const model = new ScriptedModel(() => Object.assign(call(), { id: "same" }));
    const agent = createAgent({
      model,
      tools: [],
      responseFormat: format,
      middleware: [sessionMiddleware({ sessions })],
    });
    for (const messages of ["one", "two"]) await agent.invoke({ messages }, { context: { session } });
    const turn = ["human", "ai", "tool", "ai"];
    expect(types(await stored())).toEqual([...turn, ...turn]);
  });
});

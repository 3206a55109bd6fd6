// What a caller passes as `messages`, and what becomes of it.
import { AIMessage, type BaseMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { createAgent } from "langchain";
import { expect, test } from "vitest";
import { SessionStore } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { ScriptedModel } from "../support/scripted-model.js";
import { freshId, texts } from "../support/turns.js";
import { client, session, sessions, stored } from "./support/sessions.js";

const agentOf = (model: ScriptedModel, store = sessions) =>
  createAgent({ model, tools: [], middleware: [sessionMiddleware({ sessions: store })] });

test("each form of a message is stored", async () => {
  const agent = agentOf(new ScriptedModel("yes"));
  const forms = ["text", [{ role: "user", content: "role" }], [["human", "pair"] as ["human", string]]];
  for (const messages of [...forms, [new HumanMessage("object")], [new HumanMessage({ content: "named", id: "h" })]]) {
    await agent.invoke({ messages } as never, { context: { session } });
  }
  expect(texts(await stored())).toEqual(["text", "role", "pair", "object", "named"].flatMap((said) => [said, "yes"]));
});

test("the same message object, passed with each turn, is said each time", async () => {
  const model = new ScriptedModel("one", "two", "three");
  const agent = agentOf(model);
  const again = new HumanMessage("Next, please");
  for (let turn = 0; turn < 3; turn += 1) await agent.invoke({ messages: [again] }, { context: { session } });
  const { id } = again;
  expect(texts(await stored())).toEqual(["one", "two", "three"].flatMap((said) => ["Next, please", said]));
  expect(new Set((await stored()).map((message) => message.id)).size).toBe(6);
  expect(texts(model.given.at(-1) ?? []).at(-1)).toBe("Next, please");
  expect(again.id).toBe(id);
});

test("a message that nobody has answered yet, passed again, is stored once", async () => {
  const agent = agentOf(new ScriptedModel(new Error("no model today"), "Hello."));
  const message = new HumanMessage("Hi");
  await expect(agent.invoke({ messages: [message] }, { context: { session } })).rejects.toThrow("no model today");
  await expect.poll(async () => texts(await stored())).toEqual(["Hi"]);
  await agent.invoke({ messages: [message] }, { context: { session } });
  expect(texts(await stored())).toEqual(["Hi", "Hello."]);
});

test.each([
  { window: undefined, given: 7 },
  { window: { messages: 2 }, given: 3 },
])("a client that passes all that was said, with ids, has only what is new stored: %o", async ({ window, given }) => {
  const store = new SessionStore({ client, window });
  const model = new ScriptedModel("yes");
  const all: BaseMessage[] = [];
  for (const said of ["a", "b", "c", "d"]) {
    all.push(new HumanMessage({ content: said, id: freshId() }));
    const { messages } = await agentOf(model, store).invoke({ messages: [...all] }, { context: { session } });
    all.push(messages.at(-1) ?? new AIMessage(""));
  }
  expect(texts(await stored())).toEqual(["a", "b", "c", "d"].flatMap((said) => [said, "yes"]));
  expect(model.given.at(-1)).toHaveLength(given);
  await store.close();
});

test("a system message in front of what was said before is not lost", async () => {
  const model = new ScriptedModel("yes");
  const first = await agentOf(model).invoke({ messages: "a" }, { context: { session } });
  const messages = [new SystemMessage("Be brief."), ...first.messages, new HumanMessage("b")];
  await agentOf(model).invoke({ messages }, { context: { session } });
  expect(texts(model.given.at(-1) ?? [])).toEqual(["a", "yes", "Be brief.", "b"]);
});

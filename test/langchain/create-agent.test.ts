// createAgent() of langchain v1 answers with its whole state; what the history returned is stored already and is left out.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { createAgent, fakeModel, tool } from "langchain";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type Client, onOneRedis } from "../support/topologies.js";
import { freshId } from "../support/turns.js";

let client: Client;
beforeAll(() => {
  client = onOneRedis.connect();
});
afterAll(async () => {
  await client.quit();
});

const weather = tool(() => "rain", {
  name: "weather",
  description: "The weather in a city",
  schema: z.object({ city: z.string() }),
});

test("an agent's turns with tool calls are stored once each", async () => {
  const sessionId = freshId();
  for (const question of ["Weather?", "And tomorrow?"]) {
    const call = { id: `call: ${question}`, name: "weather", args: { city: "Oslo" }, type: "tool_call" as const };
    const asks = new AIMessage({ content: "", id: `asks: ${question}`, tool_calls: [call] });
    const model = fakeModel().respond(asks).respond(new AIMessage("Rain."));
    const agent = createAgent({ model, tools: [weather] });
    const history = new RedisChatMessageHistory({ client, sessionId });
    const past = await history.getMessages();
    const { messages } = await agent.invoke({ messages: [...past, new HumanMessage(question)] });
    await history.addMessages(messages);
  }
  const stored = await new RedisChatMessageHistory({ client, sessionId }).getMessages();
  const turnTypes = ["human", "ai", "tool", "ai"];
  expect(stored.map((message) => message.type)).toEqual([...turnTypes, ...turnTypes]);
});

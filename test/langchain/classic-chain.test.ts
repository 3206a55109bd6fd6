import { ConversationChain } from "@langchain/classic/chains";
import { BufferMemory } from "@langchain/classic/memory";
import type { BaseMessage } from "@langchain/core/messages";
import type { ChatResult } from "@langchain/core/outputs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConversationChangedError, RedisChatMessageHistory } from "langchain-redis-sessions";
import { OfflineChatModel } from "../../examples/offline-model.js";
import { type Client, onOneRedis } from "../support/topologies.js";
import { freshId, texts, turn } from "../support/turns.js";

let client: Client;
beforeAll(() => {
  client = onOneRedis.connect();
});
afterAll(async () => {
  await client.quit();
});

const open = (sessionId: string): RedisChatMessageHistory => new RedisChatMessageHistory({ client, sessionId });
const conversation = (chatHistory: RedisChatMessageHistory, llm = new OfflineChatModel()): ConversationChain =>
  new ConversationChain({ llm, memory: new BufferMemory({ chatHistory, returnMessages: false }) });

test("ConversationChain with BufferMemory remembers across chain objects", async () => {
  const sessionId = freshId();
  await conversation(open(sessionId)).invoke({ input: "My name is Ada." });
  await conversation(open(sessionId)).invoke({ input: "What is my name?" });
  const stored = await open(sessionId).getMessages();
  expect(stored.map((message) => message.type)).toEqual(["human", "ai", "human", "ai"]);
  expect(stored[0]?.text).toBe("My name is Ada.");
});

test("one chain object goes on from turn to turn, also after its memory was cleared", async () => {
  const sessionId = freshId();
  const memory = new BufferMemory({ chatHistory: open(sessionId) });
  const chain = new ConversationChain({ llm: new OfflineChatModel(), memory });
  await chain.invoke({ input: "one" });
  await chain.invoke({ input: "two" });
  await memory.clear();
  await chain.invoke({ input: "three" });
  const stored = await open(sessionId).getMessages();
  expect(stored.map((message) => message.type)).toEqual(["human", "ai"]);
  expect(stored[0]?.text).toBe("three");
});

test("a turn in flight does not bring back what was cleared, through another object or the same one", async () => {
  for (const clearThrough of ["another", "the same"]) {
    const sessionId = freshId();
    const chatHistory = open(sessionId);
    await open(sessionId).addMessages(turn("old"));
    class ClearingModel extends OfflineChatModel {
      override async _generate(messages: BaseMessage[]): Promise<ChatResult> {
        await (clearThrough === "another" ? open(sessionId) : chatHistory).clear();
        return super._generate(messages);
      }
    }
    const answer = conversation(chatHistory, new ClearingModel()).invoke({ input: "x" });
    await expect(answer, clearThrough).rejects.toThrow(ConversationChangedError);
    expect(await open(sessionId).length(), clearThrough).toBe(0);
  }
});

test("a program that reads, answers, clears and starts again with one object is not refused", async () => {
  const history = open(freshId());
  await history.addUserMessage("one");
  await history.getMessages();
  await history.addAIMessage("re: one");
  await history.clear();
  await history.addUserMessage("two");
  expect(texts(await history.getMessages())).toEqual(["two"]);
});

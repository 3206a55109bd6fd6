// RunnableWithMessageHistory takes the history as it takes any other; what a history cannot mend in it is pinned here,
// so that the warnings of docs/how-to/migrate.md stay true.
import type { BaseMessage } from "@langchain/core/messages";
import { AIMessageChunk, HumanMessage } from "@langchain/core/messages";
import { ChatPromptTemplate, MessagesPlaceholder } from "@langchain/core/prompts";
import { RunnableLambda, RunnableWithMessageHistory } from "@langchain/core/runnables";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { OfflineChatModel } from "../../examples/offline-model.js";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { type Client, onOneRedis } from "../support/topologies.js";
import { freshId, texts, turn } from "../support/turns.js";

let client: Client;
beforeAll(() => {
  client = onOneRedis.connect();
});
afterAll(async () => {
  await client.quit();
});

let sessionId: string;
beforeEach(() => {
  sessionId = freshId();
});
afterEach(() => {
  vi.restoreAllMocks();
});

const open = (id = sessionId): RedisChatMessageHistory => new RedisChatMessageHistory({ client, sessionId: id });
const config = (): { configurable: { sessionId: string } } => ({ configurable: { sessionId } });

/** What the model does between reading and answering. */
let meanwhile: () => Promise<unknown> = () => Promise.resolve();
beforeEach(() => {
  meanwhile = () => Promise.resolve();
});

describe("with historyMessagesKey", () => {
  const prompt = ChatPromptTemplate.fromMessages([new MessagesPlaceholder("history"), ["human", "{input}"]]);
  const chain = new RunnableWithMessageHistory({
    runnable: prompt
      .pipe(
        RunnableLambda.from(async (value) => {
          await meanwhile();
          return value;
        }),
      )
      .pipe(new OfflineChatModel()),
    getMessageHistory: open,
    inputMessagesKey: "input",
    historyMessagesKey: "history",
  });

  test("the model is given the history, and each turn is stored", async () => {
    await chain.invoke({ input: "My name is Ada." }, config());
    const answer = await chain.invoke({ input: "What is my name?" }, config());
    expect(answer.text).toBe("Your name is Ada.");
    expect(texts(await open().getMessages())).toEqual([
      "My name is Ada.",
      "Nice to meet you, Ada.",
      "What is my name?",
      "Your name is Ada.",
    ]);
  });

  test("a streamed turn is stored as a message when the stream has ended", async () => {
    let streamed = "";
    for await (const chunk of await chain.stream({ input: "My name is Ada." }, config())) streamed += chunk.text;
    expect(streamed).toBe("Nice to meet you, Ada.");
    expect(texts(await open().getMessages())).toEqual(["My name is Ada.", "Nice to meet you, Ada."]);
  });

  test("turns of many users at once stay apart", async () => {
    const ids = Array.from({ length: 20 }, freshId);
    await Promise.all(
      ids.map((id, index) =>
        chain.invoke({ input: `My name is N${"abcdefghijklmnopqrst"[index]}.` }, { configurable: { sessionId: id } }),
      ),
    );
    const stored = await Promise.all(ids.map((id) => open(id).getMessages()));
    expect(stored.map((messages) => messages[0]?.text)).toEqual(
      ids.map((_, index) => `My name is N${"abcdefghijklmnopqrst"[index]}.`),
    );
  });

  test("a turn in flight does not bring a cleared conversation back", async () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    await open().addMessages(turn("old"));
    meanwhile = () => open().clear();
    await chain.invoke({ input: "late" }, config());
    expect(await open().length()).toBe(0);
    expect(warned.mock.calls.flat().join(" ")).toContain("cleared");
  });

  test("what it does with a failed write: it warns, and the call resolves (docs/how-to/migrate.md)", async () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    await open().addMessages(turn("old"));
    meanwhile = () => client.set(`chat:history:{${sessionId}}:messages`, "in the way");
    await expect(chain.invoke({ input: "lost" }, config())).resolves.toMatchObject({ content: expect.any(String) });
    expect(warned).toHaveBeenCalledOnce();
    await client.del(`chat:history:{${sessionId}}:messages`);
  });
});

describe("without historyMessagesKey", () => {
  const model = new OfflineChatModel();
  const chain = new RunnableWithMessageHistory({
    runnable: RunnableLambda.from(async (messages: BaseMessage[]) => {
      await meanwhile();
      return model.invoke(messages);
    }),
    getMessageHistory: open,
  });

  test("the model is given the history, and each turn is stored", async () => {
    await chain.invoke([new HumanMessage("My name is Ada.")], config());
    await chain.invoke([new HumanMessage("What is my name?")], config());
    expect(texts(await open().getMessages())).toEqual([
      "My name is Ada.",
      "Nice to meet you, Ada.",
      "What is my name?",
      "Your name is Ada.",
    ]);
  });

  test("a conversation that is cleared meanwhile is not written back; the new turn begins a new one", async () => {
    await open().addMessages(turn("old"));
    meanwhile = () => open().clear();
    await chain.invoke([new HumanMessage("My name is Ada.")], config());
    expect(texts(await open().getMessages())).toEqual(["My name is Ada.", "Nice to meet you, Ada."]);
  });

  test("a conversation that expires meanwhile is not written back; the new turn begins a new one", async () => {
    await open().addMessages(turn("old"));
    meanwhile = () => client.del(`chat:history:{${sessionId}}:messages`);
    await chain.invoke([new HumanMessage("My name is Ada.")], config());
    expect(texts(await open().getMessages())).toEqual(["My name is Ada.", "Nice to meet you, Ada."]);
  });

  test("what it does with two turns at once: one user message is lost (docs/how-to/migrate.md)", async () => {
    let answer: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      meanwhile = () => {
        resolve();
        return new Promise<void>((released) => {
          answer = released;
        });
      };
    });
    const slow = chain.invoke([new HumanMessage("My name is Bob.")], config());
    await asked;
    meanwhile = () => Promise.resolve();
    await chain.invoke([new HumanMessage("My name is Ada.")], config());
    answer();
    await slow;
    const stored = await open().getMessages();
    expect(stored.map(({ type, text }) => `${type}: ${text}`)).toEqual([
      "human: My name is Ada.",
      "ai: Nice to meet you, Ada.",
      "ai: Nice to meet you, Bob.",
    ]);
  });
});

test("a chunk that a stream left behind is stored as its message", async () => {
  await open().addMessages([new AIMessageChunk({ content: "part", id: "run-1" })]);
  const [message] = await open().getMessages();
  expect(message?.constructor.name).toBe("AIMessage");
  expect(message).toMatchObject({ content: "part", id: "run-1" });
});

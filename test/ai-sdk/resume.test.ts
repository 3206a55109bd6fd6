// The recipe of docs/answers.md for the AI SDK, with the SDK's own chat and transport, over real connections.
import { readFileSync } from "node:fs";
import path from "node:path";
import { AIMessage } from "@langchain/core/messages";
import { tool } from "langchain";
import { afterEach, expect, test, vi } from "vitest";
import { z } from "zod";
import { toUIMessages } from "../../examples/ai-sdk/messages.js";
import { closingIn } from "../support/closing.js";
import { calling, hanging, ScriptedModel } from "../support/scripted-model.js";
import { sessions } from "../support/session-store.js";
import { texts } from "../support/turns.js";
import { type ChatService, chatService } from "./support/chat-service.js";
import { textOf } from "./support/chat.js";

const { closing } = closingIn(afterEach);
// The first answer of a process takes longer.
const soon = { timeout: 10_000, interval: 5 };

async function served(...[model, tools]: Parameters<typeof chatService>): Promise<ChatService> {
  const service = await chatService(model, tools);
  closing.push(() => service.close());
  return service;
}

/** A model that says a text word by word, and waits for the test after some words. */
function pausing(text: string, ...after: string[]): { model: ScriptedModel; next: () => void } {
  const model = new ScriptedModel(text);
  let next = (): void => {};
  const gates = new Map(after.map((word) => [word, new Promise<void>((resolve) => (next = chain(next, resolve)))]));
  model.afterWord = (word) => gates.get(word) ?? Promise.resolve();
  return { model, next: () => next() };
}

/** Calls both. */
function chain(first: () => void, then: () => void): () => void {
  return () => {
    first();
    then();
  };
}

const weather = tool(({ city }) => `Sunny in ${city}`, {
  name: "weather",
  description: "Tells the weather.",
  schema: z.object({ city: z.string() }),
});
const broken = tool(
  (): string => {
    throw new Error("no network");
  },
  { name: "broken", description: "Fails.", schema: z.object({}) },
);

test("a page that is reloaded in the middle shows the same whole message as one that was not", async () => {
  const { model, next } = pausing("It is sunny in Oslo today.", "sunny");
  const chat = await served(model);
  const [lost, kept] = [chat.open(), chat.open()];
  const sent = lost.sendMessage({ text: "Hi" });
  await expect.poll(() => lost.text, soon).toBe("It is sunny ");
  const following = kept.resumeStream();
  await lost.stop();
  await sent;
  const { page, resumed } = await chat.reload();
  await expect.poll(() => page.text, soon).toBe("It is sunny ");
  next();
  await Promise.all([resumed, following]);
  expect(page.text).toBe("It is sunny in Oslo today.");
  expect(page.messages.map(({ role }) => role)).toEqual(["user", "assistant"]);
  expect(page.lastMessage).toEqual(kept.lastMessage);
  expect(page.status).toBe("ready");
  expect(page.finished).toEqual([{ isAbort: false, isError: false }]);
  expect(texts(await sessions.history(chat.session).getMessages())).toEqual(["Hi", "It is sunny in Oslo today."]);
});

test("a page that loaded while the answer ran, and comes back after its end, shows it once", async () => {
  const { model, next } = pausing("It is sunny.", "is");
  const chat = await served(model);
  const first = chat.open();
  const sent = first.sendMessage({ text: "Hi" });
  await expect.poll(() => first.text, soon).toBe("It is ");
  const loaded = await chat.load();
  expect(loaded.messages.map(textOf)).toEqual(["Hi"]);
  next();
  await sent;
  const response = await fetch(`${chat.url}/stream?operationId=${loaded.operationId}`);
  expect(response.headers.get("x-vercel-ai-ui-message-stream")).toBe("v1");
  expect(await response.text()).toMatch(/"delta":"It ".*"delta":"sunny\.".*"finish".*data: \[DONE\]\n\n$/s);
  const { page, resumed } = await chat.reload();
  await resumed;
  expect(page.messages.map(textOf)).toEqual(["Hi", "It is sunny."]);
});

test("resuming is a 204 while nothing runs, and the page stays as it is", async () => {
  const chat = await served(new ScriptedModel("Hello."));
  expect((await fetch(`${chat.url}/stream`)).status).toBe(204);
  expect((await fetch(`${chat.url}/stream?operationId=another`)).status).toBe(204);
  await chat.open().sendMessage({ text: "Hi" });
  expect((await fetch(`${chat.url}/stream`)).status).toBe(204);
  const { page, resumed } = await chat.reload();
  await resumed;
  expect(page.messages.map(textOf)).toEqual(["Hi", "Hello."]);
  expect(page.status).toBe("ready");
});

test("stop() of the SDK leaves the answer running, and the endpoint stops it for every page", async () => {
  const chat = await served(hanging(["It ", "is "]));
  const first = chat.open();
  const sent = first.sendMessage({ text: "Hi" });
  await expect.poll(() => first.text, soon).toBe("It is ");
  await first.stop();
  await sent;
  expect(await sessions.answers(chat.session).current()).toMatchObject({ state: "running" });
  const { page, resumed } = await chat.reload();
  await expect.poll(() => page.text, soon).toBe("It is ");
  const { operationId } = await chat.load();
  expect(await chat.stop()).toEqual({ stopped: true });
  await resumed;
  // The stream ends with an `abort`, which the SDK takes for the end of a finished answer.
  expect(await (await fetch(`${chat.url}/stream?operationId=${operationId}`)).text()).toMatch(
    /\{"type":"abort"\}\n\ndata: \[DONE\]\n\n$/,
  );
  expect(page.finished).toEqual([{ isAbort: false, isError: false }]);
  expect(page.status).toBe("ready");
  expect(first.finished).toEqual([{ isAbort: true, isError: false }]);
  expect(page.text).toBe("It is ");
  expect(texts(await sessions.history(chat.session).getMessages())).toEqual(["Hi", "It is "]);
  expect(await chat.stop()).toEqual({ stopped: false });
});

test("an answer that broke off is an error on every page, and the question stays", async () => {
  const chat = await served(new ScriptedModel(new Error("no model")));
  const page = chat.open();
  const reported = vi.spyOn(console, "error").mockImplementation(() => {});
  await page.sendMessage({ text: "Hi" });
  await expect.poll(() => reported).toHaveBeenCalledOnce();
  reported.mockRestore();
  expect(page.status).toBe("error");
  expect(page.error?.message).toBe("The answer broke off. Ask again.");
  expect((await chat.load()).messages.map(textOf)).toEqual(["Hi"]);
});

test("reasoning, tools and texts are the same on a page that followed and on one that loaded them", async () => {
  const thinking = new AIMessage({
    content: [
      { type: "reasoning", reasoning: "The weather first." },
      { type: "text", text: "I look." },
    ],
    tool_calls: [{ id: "call-0", name: "weather", args: { city: "Rome" }, type: "tool_call" }],
  });
  const model = new ScriptedModel(calling(["weather", { city: "Oslo" }], ["broken", {}]), thinking, "It is sunny.");
  const chat = await served(model, [weather, broken]);
  const page = chat.open();
  await page.sendMessage({ text: "Hi" });
  const { messages } = await chat.load();
  const shown = (parts: readonly unknown[] | undefined) =>
    parts?.map((part) => JSON.parse(JSON.stringify(part)) as object);
  expect(shown(messages.at(-1)?.parts)).toEqual(shown(page.lastMessage?.parts));
  expect(messages.at(-1)?.parts).toMatchObject([
    { type: "tool-weather", state: "output-available", input: { city: "Oslo" }, output: "Sunny in Oslo" },
    { type: "tool-broken", state: "output-error" },
    { type: "text", text: "I look." },
    { type: "tool-weather", toolCallId: "call-0", state: "output-available" },
    { type: "text", text: "It is sunny." },
  ]);
});

test("a message has the position of what is stored as its id, and is asked again or edited by it", async () => {
  const chat = await served(new ScriptedModel("one", "two", "three"));
  await chat.open().sendMessage({ text: "Hi" });
  const stored = await sessions.conversations.messages(chat.session, chat.session.conversationId);
  const { page } = await chat.reload();
  expect(page.messages.map(({ id }) => id)).toEqual(stored.map(({ position }) => position));
  await page.regenerate();
  expect((await chat.load()).messages.map(textOf)).toEqual(["Hi", "two"]);
  const { page: other } = await chat.reload();
  await other.sendMessage({ text: "Hello", messageId: other.messages[0]?.id ?? "" });
  expect((await chat.load()).messages.map(textOf)).toEqual(["Hello", "three"]);
});

test("while an answer replaces another, a page that loads shows its question, and not what it replaces", async () => {
  const { model, next } = pausing("one two three", "one", "two");
  const chat = await served(model);
  const first = chat.open();
  const sent = first.sendMessage({ text: "Hi" });
  await expect.poll(() => first.text, soon).toBe("one ");
  next();
  await sent;
  model.afterWord = (word) => (word === "two" ? gate : Promise.resolve());
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  const { page: editing, resumed } = await chat.reload();
  await resumed;
  const edited = editing.sendMessage({ text: "Hello", messageId: editing.messages[0]?.id ?? "" });
  await expect.poll(() => editing.text, soon).toBe("one two ");
  expect((await chat.load()).messages.map(textOf)).toEqual(["Hello"]);
  open();
  await edited;
  expect((await chat.load()).messages.map(textOf)).toEqual(["Hello", "one two three"]);
});

test("docs/answers.md shows the code that these tests run", () => {
  const root = path.join(import.meta.dirname, "../..");
  const page = readFileSync(path.join(root, "docs/answers.md"), "utf8");
  for (const file of ["server.ts", "client.ts"]) {
    const code = readFileSync(path.join(root, "examples/ai-sdk", file), "utf8");
    expect(page).toContain(`\`\`\`ts\n${code}\`\`\``);
  }
});

test("a call without a result is shown as one that failed", () => {
  const call = { id: "call-1", name: "weather", args: {}, type: "tool_call" as const };
  const stored = [{ position: "1-1", message: new AIMessage({ content: "", tool_calls: [call] }) }];
  expect(toUIMessages(stored)).toMatchObject([{ id: "1-1", parts: [{ type: "tool-weather", state: "output-error" }] }]);
});

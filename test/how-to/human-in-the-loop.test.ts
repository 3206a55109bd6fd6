// The programs of docs/how-to/human-in-the-loop.md: each step in a process of its own.
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, SessionStore } from "../../src/index.js";
import { type RunningRedis, startRedis } from "../../src/testing/index.js";
import { freshId } from "../support/turns.js";
import { type ModelProvider, startModelProvider } from "./support/model-provider.js";
import { Page } from "./support/page.js";
import { Site } from "./support/site.js";

const page = new Page("how-to/human-in-the-loop.md");
const site = new Site("human-in-the-loop", page.files);
const question = "Please send 50 euros to Bob.";

let redis: RunningRedis;
let provider: ModelProvider;
beforeAll(async () => {
  [redis, provider] = await Promise.all([startRedis(), startModelProvider()]);
});
afterAll(async () => {
  provider[Symbol.dispose]();
  await redis.stop();
});

const run = async (...words: string[]): Promise<string> =>
  (await site.run(["--import", "tsx", ...words], { ...provider.environment, REDIS_URL: redis.url })).stdout.trim();

/** Returns the words of the command that a program printed, which goes on. */
const next = (told: string): string[] => /^npx tsx (.*)$/.exec(told)?.[1]?.split(" ") ?? expect.unreachable(told);

async function stored(userId: string, conversationId: string): Promise<string[]> {
  const client = connect(redis.url);
  try {
    const messages = await new SessionStore({ client }).conversations.messages({ userId }, conversationId);
    return messages.map(({ message }) => `${message.type}: ${message.text}`);
  } finally {
    await client.quit();
  }
}

test("their types are right", async () => {
  expect(await site.typeErrors()).toBe("");
});

test("an agent waits for approval, and another process goes on with it; everything is stored once", async () => {
  const userId = freshId();
  const [file = "", , , conversationId = ""] = next(await run("agent.ts", question, userId));
  expect(await run(file, "approve", userId, conversationId)).toBe("Hello Ada.");
  expect(await stored(userId, conversationId)).toEqual([
    `human: ${question}`,
    "ai: ",
    "tool: 50 euros are on their way to Bob.",
    "ai: Hello Ada.",
  ]);
});

test("a rejected call does not run, and the agent is told why", async () => {
  const userId = freshId();
  const [file = "", , , conversationId = ""] = next(await run("agent.ts", question, userId));
  await run(file, "reject", userId, conversationId);
  expect(await stored(userId, conversationId)).toEqual([
    `human: ${question}`,
    "ai: ",
    "tool: Not today.",
    "ai: Hello Ada.",
  ]);
});

test("a graph waits for an answer, and another process goes on with it; everything is stored once", async () => {
  const userId = freshId();
  const [file = "", , , conversationId = ""] = next(await run("graph.ts", question, userId));
  expect(await stored(userId, conversationId)).toEqual([`human: ${question}`]);
  expect(await run(file, "yes", userId, conversationId)).toBe("They are on their way.");
  expect(await stored(userId, conversationId)).toEqual([`human: ${question}`, "ai: They are on their way."]);
});

test("another user cannot go on with it", async () => {
  const [file = "", , , conversationId = ""] = next(await run("agent.ts", question, freshId()));
  await expect(run(file, "approve", freshId(), conversationId)).rejects.toThrow("ConversationNotFoundError");
});

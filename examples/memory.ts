// An agent that gets to know its user: `npm run memory`.
//
// In one conversation the agent learns a preference, and writes it to its memory through a tool. In another process the
// user signs in anew and begins another conversation, which knows nothing of the first; the memory does.
import { spawnSync } from "node:child_process";
import { styleText } from "node:util";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { createAgent, fakeModel, tool } from "langchain";
import { connect, type Session, SessionStore } from "langchain-redis-sessions";
import { startRedis } from "langchain-redis-sessions/testing";
import { z } from "zod";

const style = (format: "bold" | "dim" | "cyan" | "green", text: string): string =>
  process.stdout.isTTY ? styleText(format, text) : text;

const continuedFor = process.argv[2];
await (continuedFor === undefined ? firstProcess() : secondProcess(continuedFor));

async function firstProcess(): Promise<void> {
  await using redis = await startRedis();
  const userId = `ada-${process.pid}`;
  const scripted = fakeModel()
    .respondWithTools([{ name: "remember", args: { key: "diet", value: "vegetarian" } }])
    .respond(new AIMessage("Noted: vegetarian."));
  await withSession(redis.url, userId, async (sessions, session) => {
    heading(`Process ${process.pid}: a conversation in which the agent learns something`);
    await talk(sessions, session, "By the way, I am a vegetarian. Remember that.", scripted);
    const { writesToday, storageBytes, keys } = await sessions.memory(session).usage();
    line("memory", `${keys} value, ${storageBytes} bytes, ${writesToday} write today`);
  });

  spawnSync(process.execPath, [...process.execArgv, import.meta.filename, userId], {
    stdio: "inherit",
    env: { ...process.env, REDIS_URL: redis.url },
  });
}

async function secondProcess(userId: string): Promise<void> {
  const scripted = fakeModel()
    .respondWithTools([{ name: "recall", args: { key: "diet" } }])
    // What it says comes from what the tool found, not from here.
    .respond((messages) => new AIMessage(`As you are ${messages.at(-1)?.text}: mushroom risotto.`));
  await withSession(process.env["REDIS_URL"] ?? "", userId, async (sessions, session) => {
    heading(`Process ${process.pid}, just started: another session, another conversation`);
    line("history", `${await sessions.history(session).length()} messages`);
    await talk(sessions, session, "What shall I have for dinner?", scripted);
    const { memories } = await sessions.eraseUser({ userId });
    console.log(`\nThe user is erased, and ${memories} memory with them.\n`);
  });
}

async function talk(sessions: SessionStore, session: Session, input: string, scripted: BaseChatModel): Promise<void> {
  const memory = sessions.memory(session);
  const remember = tool(
    async ({ key, value }) => {
      await memory.set(key, value);
      line("tool", `remember(${key}, ${value})`);
      return "remembered";
    },
    {
      name: "remember",
      description: "Remember a fact about the user for later conversations, under a short key such as diet or city",
      schema: z.object({ key: z.string(), value: z.string() }),
    },
  );
  const recall = tool(
    async ({ key }) => {
      const value = (await memory.get(key, z.string())) ?? "not known";
      line("tool", `recall(${key}): ${value}`);
      return value;
    },
    {
      name: "recall",
      description: "Recall a fact about the user; always try diet before you suggest a meal",
      schema: z.object({ key: z.string() }),
    },
  );
  const agent = createAgent({ model: await chatModel(scripted), tools: [remember, recall] });
  const history = sessions.history(session);
  line("you", input);
  const past = await history.getMessages();
  const { messages } = await agent.invoke({ messages: [...past, new HumanMessage(input)] });
  await history.addMessages(messages);
  line("ai", messages.at(-1)?.text ?? "");
}

async function chatModel(scripted: BaseChatModel): Promise<BaseChatModel> {
  if (!process.env["OPENAI_API_KEY"]) return scripted;
  const { ChatOpenAI } = await import("@langchain/openai");
  return new ChatOpenAI({ model: process.env["OPENAI_MODEL"] ?? "gpt-4o-mini" });
}

async function withSession(
  url: string,
  userId: string,
  use: (sessions: SessionStore, session: Session) => Promise<void>,
): Promise<void> {
  const client = connect(url);
  const sessions = new SessionStore({ client, keyPrefix: "example" });
  const { session } = await sessions.create({ userId, agentId: "cook" });
  await use(sessions, session);
  await client.quit();
}

function heading(text: string): void {
  console.log(`\n${style("bold", text)}\n`);
}

function line(who: "you" | "ai" | "tool" | "memory" | "history", text: string): void {
  const name = who.padEnd(7);
  console.log(
    `  ${who === "you" ? style("cyan", name) : who === "ai" ? style("green", name) : style("dim", name)}  ${text}`,
  );
}

// An agent that gets to know its user: `npm run memory`.
//
// In one conversation the agent learns a preference, and writes it to its memory through a tool. In another process the
// user signs in anew and begins another conversation, which knows nothing of the first; the memory does.
import { spawnSync } from "node:child_process";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage } from "@langchain/core/messages";
import { createAgent, fakeModel, tool } from "langchain";
import { connect, type Session, SessionStore } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { z } from "zod";
import { chatModel } from "./chat-model.js";
import { counted, heading, line } from "./print.js";
import { redisForExample } from "./redis.js";

const continuedFor = process.argv[2];
await (continuedFor === undefined ? firstProcess() : secondProcess(continuedFor));

async function firstProcess(): Promise<void> {
  await using redis = await redisForExample();
  const userId = `ada-${process.pid}`;
  const scripted = fakeModel()
    .respondWithTools([{ name: "remember", args: { key: "diet", value: "vegetarian" } }])
    .respond(new AIMessage("Noted: vegetarian."));
  await withSession(redis.url, userId, async (sessions, session) => {
    heading(`Process ${process.pid}: a conversation in which the agent learns something`);
    await talk(sessions, session, "By the way, I am a vegetarian. Remember that.", scripted);
    const { writesToday, storageBytes, keys } = await sessions.memory(session).usage();
    line(
      "memory",
      `${counted(keys, "value")}, ${counted(storageBytes, "byte")}, ${counted(writesToday, "write")} today`,
    );
  });

  const { status } = spawnSync(process.execPath, [...process.execArgv, import.meta.filename, userId], {
    stdio: "inherit",
    env: { ...process.env, REDIS_URL: redis.url },
  });
  process.exitCode = status ?? 1;
}

async function secondProcess(userId: string): Promise<void> {
  const scripted = fakeModel()
    .respondWithTools([{ name: "recall", args: { key: "diet" } }])
    // What it says comes from what the tool found, not from here.
    .respond((messages) => new AIMessage(`As you are ${messages.at(-1)?.text}: mushroom risotto.`));
  await withSession(process.env["REDIS_URL"] ?? "", userId, async (sessions, session) => {
    heading(`Process ${process.pid}, just started: another session, another conversation`);
    line("history", counted(await sessions.history(session).length(), "message"));
    await talk(sessions, session, "What shall I have for dinner?", scripted);
    const { memories } = await sessions.eraseUser({ userId });
    console.log(`\nThe user is erased, and ${counted(memories, "memory", "memories")} with them.\n`);
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
  const agent = createAgent({
    model: await chatModel(scripted),
    tools: [remember, recall],
    middleware: [sessionMiddleware({ sessions })],
  });
  line("you", input);
  const { messages } = await agent.invoke({ messages: input }, { context: { session } });
  line("ai", messages.at(-1)?.text ?? "");
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
  await sessions.close();
  await client.quit();
}

// An agent with a tool, streaming, in a session: `npm run agent`.
//
// Every message of its turns is stored: the question, the tool's call and result, the answer. A second agent object, as
// another server would have it, goes on where the first one stopped. Then the user signs out in the middle of an answer.
import { createAgent, tool } from "langchain";
import { connect, SessionStore } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { z } from "zod";
import { chatModel } from "./chat-model.js";
import { OfflineChatModel } from "./offline-model.js";
import { begin, counted, end, heading, line, more } from "./print.js";
import { redisForExample } from "./redis.js";

const timeIn = tool(
  ({ zone }) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeStyle: "short" }).format(new Date()),
  {
    name: "time_in",
    description: "The time of day in a time zone",
    schema: z.object({ zone: z.string().describe("an IANA time zone, such as Europe/Oslo") }),
  },
);

await using redis = await redisForExample();
const client = connect(redis.url);
const sessions = new SessionStore({ client, keyPrefix: "example" });
const { token, session } = await sessions.create({ userId: `ada-${process.pid}`, agentId: "assistant" });

heading("A question that needs a tool");
await say(await newAgent(), "Hi, my name is Ada. What time is it in Oslo?");
await show();

heading("Another agent object, as on another server");
const another = await newAgent();
await say(another, "What is my name?");

heading("Ada signs out while the agent is answering");
await say(another, "Tell me a story.", 6).catch((error: Error) => {
  end();
  line("error", error.message);
});
line("redis", `${counted(await storedMessages(), "message")}, as before: nothing is written after the end`);

await sessions.eraseUser(session);
await sessions.close();
await client.quit();
console.log();

async function newAgent() {
  return createAgent({
    model: await chatModel(new OfflineChatModel()),
    tools: [timeIn],
    systemPrompt: "You are a friendly assistant. Answer in one short sentence.",
    middleware: [sessionMiddleware({ sessions })],
  });
}

async function say(agent: Awaited<ReturnType<typeof newAgent>>, input: string, signOutAfter?: number): Promise<void> {
  line("you", input);
  begin("ai");
  let words = 0;
  const stream = await agent.stream({ messages: input }, { context: { session }, streamMode: "messages" });
  for await (const [message] of stream) {
    if (message.type === "tool") more(`(${message.name}: ${message.text}) `);
    else more(message.text);
    if (message.text !== "") words += 1;
    if (words === signOutAfter) await sessions.end(token);
  }
  end();
}

async function show(): Promise<void> {
  console.log();
  for (const message of await sessions.history(session).getMessages()) {
    const calls = "tool_calls" in message ? JSON.stringify(message.tool_calls) : "";
    line("redis", `${message.type.padEnd(5)}  ${message.text || calls}`);
  }
}

async function storedMessages(): Promise<number> {
  return (await sessions.conversations.messages(session, session.conversationId)).length;
}

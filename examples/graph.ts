// An agent whose tool waits for a person: `npm run graph`.
//
// Ada asks the agent to send money. That needs an approval, so the agent waits, and the process ends. What the agent has
// come to is in Redis. In another process Ada has signed in anew: with that session she approves, and the agent goes on.
import { spawnSync } from "node:child_process";
import { Command } from "@langchain/langgraph";
import { type AgentMiddleware, createAgent, type HITLRequest, humanInTheLoopMiddleware, tool } from "langchain";
import { connect, type Session, SessionStore } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { sessionConfig, SessionSaver } from "langchain-redis-sessions/langgraph";
import { z } from "zod";
import { chatModel } from "./chat-model.js";
import { OfflineChatModel } from "./offline-model.js";
import { counted, heading, line } from "./print.js";
import { redisForExample } from "./redis.js";

const transfer = tool(
  ({ amount, to }) => {
    line("tool", `process ${process.pid} sends ${amount} euros to ${to}`);
    return `${amount} euros are on their way to ${to}.`;
  },
  {
    name: "transfer",
    description: "Sends euros to a person",
    schema: z.object({ amount: z.number(), to: z.string() }),
  },
);

const [userId, conversationId] = process.argv.slice(2);
await (userId === undefined || conversationId === undefined ? firstProcess() : secondProcess(userId, conversationId));

async function firstProcess(): Promise<void> {
  await using redis = await redisForExample();
  const owner = `ada-${process.pid}`;
  const begun = await withSession(redis.url, { userId: owner }, async (sessions, session) => {
    heading(`Process ${process.pid}: Ada asks for something that needs her approval`);
    const input = "Please send 50 euros to Bob.";
    line("you", input);
    const agent = await newAgent(sessions);
    const output = await agent.invoke({ messages: input }, sessionConfig(session));
    line("ai", output.messages.at(-1)?.text || "(calls a tool)");
    for (const { name, args } of waitingFor(output)) line("waits", `approve ${name}(${JSON.stringify(args)})?`);
    line("process", "ends here, and so does its session");
    return session.conversationId;
  });

  const { status } = spawnSync(process.execPath, [...process.execArgv, import.meta.filename, owner, begun], {
    stdio: "inherit",
    env: { ...process.env, REDIS_URL: redis.url },
  });
  process.exitCode = status ?? 1;
}

async function secondProcess(owner: string, continued: string): Promise<void> {
  const url = process.env["REDIS_URL"] ?? "";
  await withSession(url, { userId: owner, conversationId: continued }, async (sessions, session) => {
    heading(`Process ${process.pid}, just started: Ada approves, with another session`);
    const agent = await newAgent(sessions);
    const { tasks } = await agent.graph.getState(sessionConfig(session));
    const open = tasks.flatMap(({ interrupts }) => waitingFor({ __interrupt__: interrupts }));
    for (const { name, args } of open) line("waits", `approve ${name}(${JSON.stringify(args)})?`);
    line("you", "approve");
    const decisions = open.map(() => ({ type: "approve" }));
    const { messages } = await agent.invoke(new Command({ resume: { decisions } }), sessionConfig(session));
    line("ai", messages.at(-1)?.text ?? "");
    console.log();
    for (const message of await sessions.history(session).getMessages()) {
      const calls = "tool_calls" in message ? JSON.stringify(message.tool_calls) : "";
      line("redis", `${message.type.padEnd(5)}  ${message.text || calls}`);
    }
    const { conversations } = await sessions.eraseUser({ userId: owner });
    console.log(`\nThe user is erased, with ${counted(conversations, "conversation")}, and the agent's thread.\n`);
  });
}

async function newAgent(sessions: SessionStore) {
  return createAgent({
    model: await chatModel(new OfflineChatModel()),
    tools: [transfer],
    checkpointer: new SessionSaver({ sessions }),
    middleware: [
      sessionMiddleware({ sessions }),
      // Its types do not hold under exactOptionalPropertyTypes.
      humanInTheLoopMiddleware({ interruptOn: { transfer: true } } as never) as AgentMiddleware,
    ],
  });
}

/** Returns the calls of tools that a person has to decide on. */
function waitingFor(output: object): HITLRequest["actionRequests"] {
  const { __interrupt__: interrupts = [] } = output as { __interrupt__?: { value?: HITLRequest }[] };
  return interrupts.flatMap(({ value }) => value?.actionRequests ?? []);
}

async function withSession<Value>(
  url: string,
  user: { userId: string; conversationId?: string },
  use: (sessions: SessionStore, session: Session) => Promise<Value>,
): Promise<Value> {
  const client = connect(url);
  const sessions = new SessionStore({ client, keyPrefix: "example" });
  const { token, session } = await sessions.create({ ...user, agentId: "bank" });
  const value = await use(sessions, session);
  await sessions.end(token);
  await sessions.close();
  await client.quit();
  return value;
}

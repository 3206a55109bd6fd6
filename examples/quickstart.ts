// A conversation that survives: `npm run quickstart`.
//
// A LangChain chain answers with the history that it is given. The history is in Redis, so a second process, started
// after the first has said all it had to say, goes on where that one stopped.
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { StringOutputParser } from "@langchain/core/output_parsers";
import { ChatPromptTemplate, MessagesPlaceholder } from "@langchain/core/prompts";
import { connect, RedisChatMessageHistory } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { chatModel } from "./chat-model.js";
import { OfflineChatModel } from "./offline-model.js";
import { counted, heading, line, note, style } from "./print.js";
import { redisForExample } from "./redis.js";

const continued = process.argv[2];
await (continued === undefined ? firstProcess() : secondProcess(continued));

async function firstProcess(): Promise<void> {
  await using redis = await redisForExample();
  const sessionId = `quickstart-${randomUUID().slice(0, 8)}`;
  console.log(`\n${style("bold", "langchain-redis-sessions: a conversation that survives")}\n`);
  // Not its URL, which may hold a password.
  const address = `${redis.host}:${redis.port}`;
  console.log(
    `  Redis  ${redis.source === "REDIS_URL" ? "yours" : `started for this run (${redis.source})`}, ${address}`,
  );
  console.log(
    `  Model  ${process.env["OPENAI_API_KEY"] ? "OpenAI" : "an offline stand-in; set OPENAI_API_KEY for a real one"}`,
  );

  heading(`Process ${process.pid} begins a conversation`);
  await talk(redis.url, sessionId, ["Hi, my name is Ada.", "What is my name?"]);

  heading("What Redis holds now");
  await show(redis.url, `chat:history:{${sessionId}}:messages`);

  const { status } = spawnSync(process.execPath, [...process.execArgv, import.meta.filename, sessionId], {
    stdio: "inherit",
    env: { ...process.env, REDIS_URL: redis.url },
  });
  process.exitCode = status ?? 1;
  if (status !== 0) return;

  heading("Next");
  note("npm run agent  an agent with a tool, in a session that ends in the middle of an answer");
  note("npm start      a chat service with a page, for your browser");
  note('README.md      "A first program": the same in a project of your own');
  console.log();
}

async function secondProcess(sessionId: string): Promise<void> {
  heading(`Process ${process.pid}, just started, goes on with it`);
  await talk(process.env["REDIS_URL"] ?? "", sessionId, ["Do you still know my name?"]);
}

async function talk(url: string, sessionId: string, sentences: string[]): Promise<void> {
  const client = connect(url);
  const prompt = ChatPromptTemplate.fromMessages([
    ["system", "You are a friendly assistant. Answer in one short sentence."],
    new MessagesPlaceholder("history"),
    ["human", "{input}"],
  ]);
  const chain = new RunnableWithSession({
    runnable: prompt.pipe(await chatModel(new OfflineChatModel())).pipe(new StringOutputParser()),
    getMessageHistory: (id) => new RedisChatMessageHistory({ client, sessionId: id, ttl: "1h" }),
    inputMessagesKey: "input",
    historyMessagesKey: "history",
  });
  for (const input of sentences) {
    line("you", input);
    const answer = await chain.invoke({ input }, { configurable: { sessionId } });
    line("ai", answer);
  }
  await client.quit();
}

/** Plain Redis commands, as `redis-cli` would send them: what is stored is meant to be looked at. */
async function show(url: string, key: string): Promise<void> {
  const client = connect(url);
  const entries = await client.lrange(key, 0, -1);
  const minutes = Math.round((await client.ttl(key)) / 60);
  console.log(`  ${key}`);
  console.log(
    `  a list of ${counted(entries.length, "message")} that expires in ${counted(minutes, "minute")}, renewed by every turn\n`,
  );
  for (const [index, entry] of entries.entries()) {
    const { type, data, at } = JSON.parse(entry) as { type: string; data: { content: string }; at: number };
    const time = new Date(at).toISOString().slice(11, 19);
    console.log(`  ${index}  ${style("dim", time)}  ${type.padEnd(5)}  ${data.content}`);
  }
  await client.quit();
}

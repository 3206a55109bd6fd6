// A chain whose turns are not lost: `npm run chain`.
//
// An answer is streamed; another one is stopped in its middle, and what was said stays; and Redis goes silent between an
// answer and its storing: the caller has the answer, knows that it is not stored, and stores it once.
import { ChatPromptTemplate, MessagesPlaceholder } from "@langchain/core/prompts";
import { connect, SessionStore, TurnNotStoredError } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { faultyProxy } from "langchain-redis-sessions/testing";
import { chatModel } from "./chat-model.js";
import { OfflineChatModel } from "./offline-model.js";
import { begin, end, heading, line, more } from "./print.js";
import { redisForExample } from "./redis.js";

await using redis = await redisForExample();
await using network = await faultyProxy(redis); // Stands for the network that will fail.
const client = connect(network.url);
client.on("error", () => {}); // The outage below is meant to be.
const sessions = new SessionStore({ client, deadline: "1s", keyPrefix: "example" });
const { session } = await sessions.create({ userId: `ada-${process.pid}`, agentId: "assistant" });

const prompt = ChatPromptTemplate.fromMessages([
  ["system", "You are a friendly assistant. Answer in one short sentence."],
  new MessagesPlaceholder("history"),
  ["human", "{input}"],
]);
const chain = new RunnableWithSession({
  runnable: prompt.pipe(await chatModel(new OfflineChatModel())),
  sessions,
  inputMessagesKey: "input",
  historyMessagesKey: "history",
});
const configurable = { session };

heading("An answer, streamed; it is stored when the stream has ended");
await say("Hi, my name is Ada.");
await show();

heading("An answer that is stopped in its middle: what was said is kept, and marked");
await say("Tell me a story.", 9);
await show();

heading("Redis goes silent between the answer and its storing");
line("you", "What is my name?");
try {
  const callbacks = [{ handleLLMEnd: () => network.blackhole() }];
  await chain.invoke({ input: "What is my name?" }, { configurable, callbacks });
} catch (error) {
  if (!(error instanceof TurnNotStoredError)) throw error;
  line("ai", (error.output as { text: string }).text);
  line("error", `${error.code}: the caller has the answer, and knows that it is not stored`);
  await network.heal();
  await error.retry();
  line("retry", "stored, once, whichever attempt got through");
}
await show();

await sessions.eraseUser(session);
await sessions.close();
await client.quit();
console.log();

async function say(input: string, words = Number.POSITIVE_INFINITY): Promise<void> {
  line("you", input);
  begin("ai");
  let heard = 0;
  for await (const chunk of await chain.stream({ input }, { configurable })) {
    more(chunk.text);
    heard += 1;
    if (heard === words) break;
  }
  end();
}

async function show(): Promise<void> {
  console.log();
  for (const { type, text, response_metadata } of await sessions.history(session).getMessages()) {
    line("redis", `${type.padEnd(5)}  ${text}${response_metadata["interrupted"] ? " (interrupted)" : ""}`);
  }
}

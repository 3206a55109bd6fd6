// A classic chain with the memory of every user: `npm run classic`.
//
// One ConversationChain object of @langchain/classic serves two users at once; whose turn it is, its input says.
import { ConversationChain } from "@langchain/classic/chains";
import { connect, RedisChatMessageHistory } from "langchain-redis-sessions";
import { SessionMemory } from "langchain-redis-sessions/chains";
import { chatModel } from "./chat-model.js";
import { OfflineChatModel } from "./offline-model.js";
import { heading, line } from "./print.js";
import { redisForExample } from "./redis.js";

await using redis = await redisForExample();
const client = connect(redis.url);
const open = (sessionId: string): RedisChatMessageHistory =>
  new RedisChatMessageHistory({ client, sessionId, ttl: "1h", keyPrefix: "example" });
const chain = new ConversationChain({
  llm: await chatModel(new OfflineChatModel()),
  memory: new SessionMemory({ getMessageHistory: open }),
});
const users = { Ada: `ada-${process.pid}`, Bob: `bob-${process.pid}` };

heading("Two users talk to one chain object at the same time");
await Promise.all(Object.entries(users).map(([name, sessionId]) => say(sessionId, `Hi, my name is ${name}.`)));
await Promise.all(Object.values(users).map((sessionId) => say(sessionId, "What is my name?")));

heading("What Redis holds of the one, and of the other");
for (const sessionId of Object.values(users)) {
  for (const { type, text } of await open(sessionId).getMessages())
    line("redis", `${sessionId}  ${type.padEnd(5)}  ${text}`);
  await open(sessionId).clear();
}
await client.quit();
console.log();

async function say(sessionId: string, input: string): Promise<void> {
  const { response } = await chain.invoke({ input, sessionId });
  line("you", `${sessionId}: ${input}`);
  line("ai", String(response));
}

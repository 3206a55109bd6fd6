// What a user's program does first, in any runtime: a history, a runnable, an agent, sessions, memory, a thread, an answer in
// flight, a guard. It prints what came of it, which must be the same everywhere.
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { createAgent } from "langchain";
import { connect, keyring, RedisChatMessageHistory, SessionStore } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { sessionGuard } from "langchain-redis-sessions/http";
import { SessionSaver } from "langchain-redis-sessions/langgraph";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";

const tell = (what, value) => console.log(`${what}: ${JSON.stringify(value)}`);
const texts = (messages) => messages.map(({ type, text }) => `${type}: ${text}`);

const client = connect(process.env.REDIS_URL);

const history = new RedisChatMessageHistory({ client, sessionId: crypto.randomUUID(), ttl: "1h" });
await history.addMessages([new HumanMessage("Hi, I am Ada"), new AIMessage("Hello Ada")]);
tell("history", texts(await history.getMessages()));

const encryption = keyring({ current: "a", keys: { a: new Uint8Array(32).fill(7) } });
const sealed = new RedisChatMessageHistory({ client, sessionId: crypto.randomUUID(), encryption, compress: true });
await sealed.addMessages([new HumanMessage("A secret ".repeat(50))]);
tell("sealed", (await sealed.getMessages())[0].text.length);

const sessions = new SessionStore({ client, maxSessionsPerUser: 1 });
const owner = { userId: crypto.randomUUID(), agentId: "support" };
const first = await sessions.create(owner);
const { token, session, ended } = await sessions.create(owner);
tell("evicted", ended.length);
tell("refused", await sessions.verify(first.token).catch(({ code, reason }) => [code, reason]));
tell("verified", (await sessions.verify(token)).agentId);

const chat = new RunnableWithSession({ runnable: new FakeListChatModel({ responses: ["One", "Two"] }), sessions });
const config = { configurable: { session } };
tell("invoke", (await chat.invoke([new HumanMessage("first")], config)).text);
let streamed = "";
for await (const { text } of await chat.stream([new HumanMessage("second")], config)) streamed += text;
tell("stream", streamed);

const agent = createAgent({
  model: new FakeListChatModel({ responses: ["Three"] }),
  tools: [],
  middleware: [sessionMiddleware({ sessions })],
  checkpointer: new SessionSaver({ sessions }),
});
const { messages } = await agent.invoke(
  { messages: [new HumanMessage("third")] },
  { context: { session }, configurable: { session, thread_id: session.conversationId } },
);
tell("agent", messages.at(-1).text);
tell("conversation", texts(await sessions.history(session).getMessages()));

const memory = sessions.memory(session);
await memory.increment("visits", 2);
tell("memory", await memory.get("visits"));

const answers = sessions.answers(session);
const answer = await answers.begin({ operationId: crypto.randomUUID(), input: "fourth" });
answer.send({ text: "Four" });
await answer.store([new AIMessage("Four")]);
await answer.close();
const events = [];
for await (const { event, end } of answers.follow()) events.push(event ?? end);
tell("followed", events);

const guard = sessionGuard({ sessions, authenticate: () => ({ userId: owner.userId }) });
const request = (headers) => new Request("http://localhost/chat", { headers });
const { denied } = await guard(request({}), { agentId: "support" });
tell("denied", denied.status);
const allowed = await guard(request({ "X-Session-Token": token }), { agentId: "support" });
tell("allowed", allowed.session?.id === session.id);

const abort = sessions.signal(session);
const heard = new Promise((resolve) => abort.addEventListener("abort", () => resolve(abort.reason.code)));
await sessions.end(token);
tell("told of its end", await heard);
await sessions.close();
await client.quit();

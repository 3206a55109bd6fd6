import type { BaseListChatMessageHistory } from "@langchain/core/chat_history";
import {
  AIMessage,
  type BaseMessage,
  HumanMessage,
  mapStoredMessagesToChatMessages,
  type StoredMessage,
} from "@langchain/core/messages";
import { ChatPromptTemplate, MessagesPlaceholder } from "@langchain/core/prompts";
import { type Runnable, RunnableLambda, RunnableWithMessageHistory } from "@langchain/core/runnables";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import type { Candidate } from "../measure/compare.js";
import type { Clients } from "../network/clients.js";
import { conversationNames, histories, type OpenHistory, TTL_SECONDS } from "./histories.js";
import { typicalTurn } from "./messages.js";
import { COMMUNITY, OURS, RAW } from "./names.js";
import type { Workload } from "./workload.js";

/** A conversation of ten turns: on average a turn reads nine messages. */
const TURNS = 10;
const [QUESTION, ANSWER] = typicalTurn() as [HumanMessage, AIMessage];
export const historyKeys = { inputMessagesKey: "input", historyMessagesKey: "history" };

/** A prompt and a model that answers at once. */
export function chain(): Runnable<Record<string, unknown>, BaseMessage> {
  const prompt = ChatPromptTemplate.fromMessages([new MessagesPlaceholder("history"), ["human", "{input}"]]);
  const { content, id, response_metadata } = ANSWER;
  return prompt.pipe(
    new RunnableLambda({ func: () => new AIMessage({ content, response_metadata, ...(id && { id }) }) }),
  );
}

export const underHistory = (name: string): string => `RunnableWithMessageHistory, ${name}`;
export const withSession = (concurrency: "allow" | "wait"): string => `RunnableWithSession, ${concurrency}`;
export const BY_HAND = `by hand, ${RAW}`;

export const turn: Workload = {
  name: "turn",
  title: "A whole turn: read, ask an instant model, store",
  baselines: [underHistory(COMMUNITY), BY_HAND],
  mostSessions: 256,
  candidates: (clients) => [
    ...Object.entries(histories(clients)).map(([name, open]) => messageHistory(name, open)),
    ...(["allow", "wait"] as const).map((concurrency) => sessionRunnable(clients, concurrency)),
    rawTurn(clients),
  ],
};

function messageHistory(name: string, open: OpenHistory): Candidate {
  const runnable = new RunnableWithMessageHistory({
    runnable: chain(),
    getMessageHistory: (sessionId: string): BaseListChatMessageHistory => open(sessionId),
    ...historyKeys,
  });
  const conversation = conversationNames(name, TURNS);
  return {
    name: underHistory(name),
    run: (session) => runnable.invoke({ input: QUESTION.text }, { configurable: { sessionId: conversation(session) } }),
  };
}

function sessionRunnable({ ioredis }: Clients, concurrency: "allow" | "wait"): Candidate {
  const runnable = new RunnableWithSession({
    runnable: chain(),
    getMessageHistory: (sessionId) => new RedisChatMessageHistory({ client: ioredis, sessionId, ttl: TTL_SECONDS }),
    concurrency,
    ...historyKeys,
  });
  const conversation = conversationNames(`${OURS}-${concurrency}`, TURNS);
  return {
    name: withSession(concurrency),
    run: (session) => runnable.invoke({ input: QUESTION.text }, { configurable: { sessionId: conversation(session) } }),
  };
}

/** What is left when nothing is promised: two round trips around the chain. */
function rawTurn({ ioredis }: Clients): Candidate {
  const runnable = chain();
  const conversation = conversationNames("by-hand", TURNS);
  return {
    name: BY_HAND,
    run: async (session) => {
      const key = conversation(session);
      const stored = (await ioredis.lrange(key, 0, -1)).map((entry) => JSON.parse(entry) as StoredMessage);
      const history = mapStoredMessagesToChatMessages(stored);
      const answer = await runnable.invoke({ input: QUESTION.text, history });
      const entries = [new HumanMessage(QUESTION.text), answer].map((message) => JSON.stringify(message.toDict()));
      await ioredis
        .pipeline()
        .rpush(key, ...entries)
        .expire(key, TTL_SECONDS)
        .exec();
    },
  };
}

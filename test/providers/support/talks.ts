// A conversation with a model, kept in four ways: by this library around a chain and in an agent, and as plain messages
// in memory around the same chain and agent.
import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import type { Runnable } from "@langchain/core/runnables";
import { concat } from "@langchain/core/utils/stream";
import { createAgent, tool } from "langchain";
import { RedisChatMessageHistory, type RedisChatMessageHistoryOptions } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { z } from "zod";
import { client, sessions } from "../../support/session-store.js";
import { freshId } from "../../support/turns.js";

export interface Turn {
  readonly how: "invoke" | "stream";
  readonly signal?: AbortSignal;
  /** Called with the number of chunks that were read. */
  readonly read?: (chunks: number) => void;
}

/** What is said: by a person, or by tools. */
export type Input = readonly BaseMessage[];

export interface Talk {
  /** @returns what was answered last. */
  readonly say: (input: Input, turn: Turn) => Promise<BaseMessage | undefined>;
  /** What is kept of the conversation. */
  readonly kept: () => Promise<readonly BaseMessage[]>;
}

export const weather = tool(({ city }: { city: string }) => `Rain in ${city}`, {
  name: "weather",
  description: "The weather in a city",
  schema: z.object({ city: z.string() }),
});

export type Kind = "chain" | "agent";

/** What cuts off the beginning of a conversation. */
export type Limits = Pick<RedisChatMessageHistoryOptions, "window" | "maxMessages">;

export async function storedTalk(kind: Kind, model: BaseChatModel, limits: Limits = {}): Promise<Talk> {
  return kind === "chain" ? storedChain(model, limits) : storedAgent(model);
}

export function plainTalk(kind: Kind, model: BaseChatModel): Talk {
  return kind === "chain" ? plainChain(model) : plainAgent(model);
}

export function withTools(model: BaseChatModel): Runnable<BaseMessage[], BaseMessage> {
  const bound = model.bindTools?.([weather]);
  if (bound === undefined) throw new Error("The model takes no tools.");
  return bound;
}

function storedChain(model: BaseChatModel, limits: Limits): Talk {
  const sessionId = freshId();
  const open = (): RedisChatMessageHistory => new RedisChatMessageHistory({ client, sessionId, ...limits });
  const chain = new RunnableWithSession<BaseMessage[], BaseMessage>({
    runnable: withTools(model),
    getMessageHistory: open,
  });
  return {
    say: (input, turn) => run(chain, input, turn, { configurable: { sessionId } }),
    kept: () => new RedisChatMessageHistory({ client, sessionId }).getMessages(),
  };
}

function plainChain(model: BaseChatModel): Talk {
  const chain = withTools(model);
  const history: BaseMessage[] = [];
  return {
    say: async (input, turn) => {
      const answer = await run(chain, [...history, ...input], turn);
      history.push(...input, ...(answer === undefined ? [] : [answer]));
      return answer;
    },
    kept: async () => history,
  };
}

export async function run(
  chain: Runnable<BaseMessage[], BaseMessage>,
  input: Input,
  { how, signal, read }: Turn,
  config: object = {},
): Promise<BaseMessage | undefined> {
  const all = { ...config, ...(signal && { signal }) };
  if (how === "invoke") return chain.invoke([...input], all);
  let sum: BaseMessage | undefined;
  let chunks = 0;
  for await (const chunk of await chain.stream([...input], all)) {
    sum = sum === undefined ? chunk : concat(sum, chunk);
    chunks += 1;
    read?.(chunks);
  }
  return sum;
}

async function storedAgent(model: BaseChatModel): Promise<Talk> {
  const { session } = await sessions.create({ userId: freshId(), agentId: "assistant" });
  const agent = createAgent({ model, tools: [weather], middleware: [sessionMiddleware({ sessions })] });
  const kept = (): Promise<BaseMessage[]> => sessions.history(session).getMessages();
  return {
    say: async (input, turn) => {
      const state = await runAgent(agent as unknown as AgentLike, input, turn, { context: { session } });
      return state.at(-1);
    },
    kept,
  };
}

function plainAgent(model: BaseChatModel): Talk {
  const agent = createAgent({ model, tools: [weather] });
  let history: readonly BaseMessage[] = [];
  return {
    say: async (input, turn) => {
      history = await runAgent(agent as unknown as AgentLike, [...history, ...input], turn);
      return history.at(-1);
    },
    kept: async () => history,
  };
}

/** The types of an agent depend on its middleware. */
export interface AgentLike {
  invoke(input: { messages: BaseMessage[] }, config: object): Promise<{ messages: BaseMessage[] }>;
  stream(input: { messages: BaseMessage[] }, config: object): Promise<AsyncIterable<[string, unknown]>>;
}

export async function runAgent(
  agent: AgentLike,
  input: Input,
  { how, signal, read }: Turn,
  config: object = {},
): Promise<BaseMessage[]> {
  const all = { ...config, ...(signal && { signal }) };
  const given = { messages: [...input] };
  if (how === "invoke") return (await agent.invoke(given, all)).messages;
  let messages: BaseMessage[] = [];
  let chunks = 0;
  for await (const [mode, payload] of await agent.stream(given, { ...all, streamMode: ["messages", "values"] })) {
    if (mode === "values") ({ messages } = payload as { messages: BaseMessage[] });
    if (mode !== "messages") continue;
    chunks += 1;
    read?.(chunks);
  }
  return messages;
}

/** What goes on after an answer: results of its calls and approvals, or else a person's next sentence. */
export function inputAfter(answer: BaseMessage | undefined, sentence: string): Input {
  if (!AIMessage.isInstance(answer)) return [new HumanMessage(sentence)];
  const calls = answer.tool_calls ?? [];
  const results = calls.map(
    ({ id = "", args }) => new ToolMessage({ content: `Rain in ${String(args["city"])}`, tool_call_id: id }),
  );
  return results.length > 0 ? results : [new HumanMessage(sentence)];
}

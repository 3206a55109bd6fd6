// A conversation with a model that belongs to a session: its turns can be repeated, and its past be changed.
import type { BaseMessage } from "@langchain/core/messages";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { createAgent } from "langchain";
import type { StoredMessage } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { sessions } from "../../support/session-store.js";
import { freshId } from "../../support/turns.js";
import { type AgentLike, type Input, type Kind, run, runAgent, type Turn, weather, withTools } from "./talks.js";

interface NamedTurn extends Turn {
  readonly operationId?: string;
  readonly replaces?: string;
}

export interface SessionTalk {
  /** @returns what was answered last. */
  readonly say: (input: Input, turn: NamedTurn) => Promise<BaseMessage | undefined>;
  /** What is stored of the conversation. */
  readonly stored: () => Promise<readonly StoredMessage[]>;
}

export async function sessionTalk(kind: Kind, model: BaseChatModel): Promise<SessionTalk> {
  const { session } = await sessions.create({ userId: freshId(), agentId: "assistant" });
  const stored = (): Promise<StoredMessage[]> => sessions.conversations.messages(session, session.conversationId);
  if (kind === "chain") {
    const chain = new RunnableWithSession<BaseMessage[], BaseMessage>({ runnable: withTools(model), sessions });
    return {
      say: (input, { operationId, replaces, ...turn }) =>
        run(chain, input, turn, { configurable: { session, operationId, replaces } }),
      stored,
    };
  }
  const agent: unknown = createAgent({ model, tools: [weather], middleware: [sessionMiddleware({ sessions })] });
  return {
    say: async (input, { operationId, replaces, ...turn }) =>
      (await runAgent(agent as AgentLike, input, turn, { context: { session, operationId, replaces } })).at(-1),
    stored,
  };
}

import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import type { BaseMessage } from "@langchain/core/messages";
import { createAgent } from "langchain";
import type { Session, SessionStore } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import type { Log } from "./log.js";
import { memoryTools, timeIn } from "./tools.js";

// The agents that the service offers; here, one.

export interface TurnRequest {
  readonly session: Session;
  readonly message: string;
  /** Names the turn: it is stored once, however often it is sent. */
  readonly operationId?: string | undefined;
  readonly signal: AbortSignal;
}

/** While an agent answers. */
export type Heard =
  | { readonly event: "token"; readonly text: string }
  | { readonly event: "tool"; readonly name: string; readonly text: string };

export interface Agent {
  /** The messages after the turn, which is stored by then. */
  readonly answer: (request: TurnRequest) => Promise<readonly BaseMessage[]>;
  /** The same, word by word; it is stored when the last word was passed on and the generator returns. */
  readonly stream: (request: TurnRequest) => AsyncGenerator<Heard, readonly BaseMessage[], undefined>;
}

export interface AgentParts {
  readonly sessions: SessionStore;
  readonly model: BaseChatModel;
  readonly log: Log;
  /** How long a turn waits for another one of its conversation, in seconds. */
  readonly waitFor: number;
}

const systemPrompt = `You are a friendly assistant. Answer briefly.
When the user asks you to remember something, call remember. When they ask what you know of them, call recall.`;

export function makeAgents({ sessions, model, log, waitFor }: AgentParts): ReadonlyMap<string, Agent> {
  const agent = createAgent({
    model,
    tools: [timeIn, ...memoryTools(sessions)],
    systemPrompt,
    middleware: [
      sessionMiddleware({
        sessions,
        // One after another, and not "reject": who stops an answer and asks again at once, or retries a request that
        // seemed lost, would be refused while the stopped turn is still being stored. Who waits too long gets a 409.
        concurrency: "wait",
        waitFor,
        // So long does a turn that died with its process hold up the next: less than this waits.
        lease: "10s",
        onError: ({ code }) => log({ level: "error", event: "interrupted turn not stored", code }),
      }),
    ],
  });
  return new Map([
    [
      "assistant",
      {
        answer: async ({ session, message, operationId, signal }) => {
          const { messages } = await agent.invoke({ messages: message }, { context: { session, operationId }, signal });
          return messages;
        },
        stream: async function* ({ session, message, operationId, signal }) {
          let messages: readonly BaseMessage[] = [];
          const stream = await agent.stream(
            { messages: message },
            { context: { session, operationId }, signal, streamMode: ["messages", "values"] },
          );
          for await (const [mode, part] of stream) {
            if (mode === "values") {
              messages = part.messages;
              continue;
            }
            const [said] = part;
            if (said.text === "") continue;
            if (said.type === "tool") yield { event: "tool", name: said.name ?? "", text: said.text };
            else yield { event: "token", text: said.text };
          }
          return messages;
        },
      } satisfies Agent,
    ],
  ]);
}

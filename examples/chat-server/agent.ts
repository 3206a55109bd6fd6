import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { Command } from "@langchain/langgraph";
import { type AgentMiddleware, createAgent, type HITLRequest, humanInTheLoopMiddleware } from "langchain";
import type { Answer, Session, SessionStore } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { sessionConfig, SessionSaver } from "langchain-redis-sessions/langgraph";
import { type Heard, heard } from "./heard.js";
import type { Log } from "./log.js";
import { modelFailures } from "./model-failures.js";
import { memoryTools, timeIn, toolsThatAsk } from "./tools.js";
import { windowOf } from "./window.js";

// The agents that the service offers; here, one.

/** What its page and its conversations call it. */
export const AGENT = "assistant";

interface AgentRun {
  readonly session: Session;
  /** Has the question, and stores the turn. */
  readonly answer: Answer;
  readonly signal: AbortSignal;
  /** What a person has decided of the tools that the run waits for. Absent, a run begins. */
  readonly approve?: boolean | undefined;
}

/** A call of a tool that a person has to decide on. */
export type PendingCall = HITLRequest["actionRequests"][number];

export interface Agent {
  /** Yields what happens, while it answers. The turn is stored when the generator returns: with the text of the answer. */
  readonly run: (run: AgentRun) => AsyncGenerator<Heard, string, undefined>;
  /** What a person has to decide before the conversation's run goes on. */
  readonly pending: (session: Session) => Promise<readonly PendingCall[]>;
}

export interface AgentParts {
  readonly sessions: SessionStore;
  readonly model: BaseChatModel;
  readonly log: Log;
  /** How many of a conversation's messages the model is given. */
  readonly window: number;
}

const systemPrompt = `You are a friendly assistant. Answer briefly, in Markdown where it helps.
When the user asks you to remember something, call remember. When they ask what you know of them, call recall.`;

export function makeAgents({ sessions, model, log, window }: AgentParts): ReadonlyMap<string, Agent> {
  const agent = createAgent({
    model,
    tools: [timeIn, ...memoryTools(sessions)],
    systemPrompt,
    // Keeps what a run has come to while it waits for a person.
    checkpointer: new SessionSaver({ sessions }),
    middleware: [
      sessionMiddleware({
        sessions,
        onError: ({ code }) => log({ level: "error", event: "interrupted turn not stored", code }),
      }),
      windowOf(window),
      modelFailures,
      // Its types do not hold under exactOptionalPropertyTypes.
      humanInTheLoopMiddleware({ interruptOn: toolsThatAsk } as never) as AgentMiddleware,
    ],
  });

  async function pending(session: Session): Promise<readonly PendingCall[]> {
    const { tasks } = await agent.graph.getState(sessionConfig(session));
    return tasks.flatMap(({ interrupts }) =>
      interrupts.flatMap(({ value }) => (value as HITLRequest | undefined)?.actionRequests ?? []),
    );
  }

  async function* run({ session, answer, signal, approve }: AgentRun): AsyncGenerator<Heard, string, undefined> {
    const config = sessionConfig(session);
    const stream = await agent.stream(approve === undefined ? { messages: [] } : await decided(session, approve), {
      ...config,
      context: { ...config.context, answer },
      signal,
      streamMode: ["messages", "updates"],
    });
    return yield* heard(stream);
  }

  async function decided(session: Session, approve: boolean): Promise<Command> {
    const decisions = (await pending(session)).map(() =>
      approve ? { type: "approve" } : { type: "reject", message: "The user does not want this." },
    );
    return new Command({ resume: { decisions } });
  }

  return new Map([[AGENT, { run, pending }]]);
}

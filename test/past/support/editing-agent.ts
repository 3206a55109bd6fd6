import { type AgentMiddleware, createAgent } from "langchain";
import { sessionMiddleware, type SessionMiddlewareOptions } from "../../../src/agents/index.js";
import type { Session, SessionStore } from "../../../src/index.js";
import { SessionSaver } from "../../../src/langgraph/index.js";
import type { ScriptedModel } from "../../support/scripted-model.js";
import type { Address } from "../../support/start-servers.js";

export type Persist = NonNullable<SessionMiddlewareOptions["persist"]>;

/** What a process of its own edits, and where it then waits. */
export interface HeldEdit {
  readonly address: Address;
  readonly keyPrefix: string;
  readonly session: Session;
  readonly operationId: string;
  /** The position of the message. */
  readonly replaces: string;
  /** What is said instead. */
  readonly text: string;
  readonly persist: Persist;
  readonly waits: "before the store" | "after the store";
}

/** An agent whose thread our saver keeps. `others` maps a place to the middleware there. */
export function agentOn(
  sessions: SessionStore,
  model: ScriptedModel,
  persist: Persist,
  others: { readonly [Place in HeldEdit["waits"]]?: AgentMiddleware } = {},
) {
  // The last middleware is the first to act when the agent has answered.
  const middleware = [others["after the store"], sessionMiddleware({ sessions, persist }), others["before the store"]];
  return createAgent({
    model,
    tools: [],
    checkpointer: new SessionSaver({ sessions }),
    middleware: middleware.filter((one) => one !== undefined),
  });
}

/** What a run of the agent is called with. */
export function callOf(session: Session, turn: { readonly operationId?: string; readonly replaces?: string } = {}) {
  return { context: { session, ...turn }, configurable: { thread_id: session.conversationId, session } };
}

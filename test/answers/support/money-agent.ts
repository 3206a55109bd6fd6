import { type AgentMiddleware, createAgent, humanInTheLoopMiddleware, tool } from "langchain";
import { z } from "zod";
import type { SessionStore } from "../../../src/index.js";
import { sessionMiddleware, type SessionMiddlewareOptions } from "../../../src/agents/index.js";
import { SessionSaver } from "../../../src/langgraph/index.js";
import type { ScriptedModel } from "../../support/scripted-model.js";

const transfer = tool(({ amount }) => `sent ${amount}`, { name: "transfer", schema: z.object({ amount: z.number() }) });

export interface MoneyAgentOptions extends Omit<SessionMiddlewareOptions, "sessions"> {
  readonly sessions: SessionStore;
  /** Whether a person has to approve a transfer. Then the thread is kept in the session. */
  readonly asks?: boolean;
}

/** An agent that sends money, in whatever process. */
export function moneyAgent(model: ScriptedModel, { asks = false, ...options }: MoneyAgentOptions) {
  // Its types do not hold under exactOptionalPropertyTypes.
  const approval = humanInTheLoopMiddleware({ interruptOn: { transfer: true } } as never) as AgentMiddleware;
  return createAgent({
    model,
    tools: [transfer],
    middleware: [sessionMiddleware(options), ...(asks ? [approval] : [])],
    ...(asks && { checkpointer: new SessionSaver({ sessions: options.sessions }) }),
  });
}

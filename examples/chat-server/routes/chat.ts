import { randomUUID } from "node:crypto";
import type { Context, Hono } from "hono";
import type { Answer, Session } from "langchain-redis-sessions";
import { answerResponse } from "langchain-redis-sessions/http";
import { z } from "zod";
import type { Access } from "../access.js";
import type { Agent } from "../agent.js";
import { type AnsweringParts, beginInTurn, type Outcome, runAnswer } from "../answering.js";
import { countedUser } from "../counted.js";
import type { Env } from "../env.js";
import { bodyOf, conversationOf, conversationId, position, text, withInput, writeOptions } from "../input.js";
import type { Limit } from "../limits.js";
import { ServiceError } from "../problems.js";
import { turnFailure } from "../turn-failure.js";

export interface ChatParts extends AnsweringParts {
  readonly access: Access;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly limit: Limit;
}

export const chatBody = z.strictObject({
  message: text(20_000),
  conversationId: conversationId.optional(),
  replaces: position.optional(),
});
export const decisionBody = z.strictObject({ operationId: text(1_024), approve: z.boolean("use true or false") });

export function chatRoutes(app: Hono<Env>, parts: ChatParts): void {
  const { access, agents, sessions, limit, waitFor } = parts;

  app.post("/agents/:agentId/chat", access.inSession, async (c) => {
    const own = c.get("session");
    await limit(countedUser(own));
    const agent = agentOf(own);
    const { message, conversationId: shown = own.conversationId, replaces } = await bodyOf(c, chatBody);
    // Tabs may share a session, and one may have pointed it elsewhere: a turn goes to the conversation that it was
    // written in. Whichever is named is one of the session's own user, for nobody else's can be reached with it.
    const session = { ...own, conversationId: shown };
    const { operationId = randomUUID() } = writeOptions(c);
    const begin = { operationId, input: message, replaces, lease: LEASE } as const;
    try {
      const waits = { waitFor, follow: isStreamed(c) };
      const answer = await withInput(beginInTurn(sessions.answers(session), begin, waits));
      // The same request runs already, here or elsewhere.
      if (answer === undefined) return await followed(c, session, operationId);
      return await answered(c, { agent, session, answer });
    } catch (error) {
      throw turnFailure(error, { operationId });
    }
  });

  app.post("/conversations/:id/answer/decision", access.inSession, async (c) => {
    const own = c.get("session");
    await limit(countedUser(own));
    const agent = agentOf(own);
    const session = { ...own, conversationId: conversationOf(c) };
    const { operationId, approve } = await bodyOf(c, decisionBody);
    const answers = sessions.answers(session);
    const current = await answers.current();
    if (current?.operationId === operationId && current.state === "running" && isStreamed(c)) {
      return followed(c, session, operationId);
    }
    if (current?.operationId !== operationId || current.state !== "waiting")
      throw new ServiceError("NOTHING_TO_DECIDE");
    const answer = await answers.begin({ operationId, lease: LEASE });
    return answered(c, { agent, session, answer, approve });
  });

  function agentOf({ agentId }: Session): Agent {
    const agent = agents.get(agentId);
    if (agent === undefined) throw new ServiceError("NOT_FOUND");
    return agent;
  }

  async function followed(c: Context<Env>, session: Session, operationId: string): Promise<Response> {
    return answerResponse(sessions.answers(session), { request: c.req.raw, operationId });
  }

  async function answered(
    c: Context<Env>,
    { agent, ...run }: { agent: Agent; session: Session; answer: Answer; approve?: boolean },
  ): Promise<Response> {
    const outcome = runAnswer(parts, agent, run);
    if (isStreamed(c)) {
      return answerResponse(sessions.answers(run.session), { request: c.req.raw, answer: run.answer });
    }
    return c.json(successIn(await outcome));
  }
}

/** How long a turn that died with its process counts as running. Its next process waits for longer (TURN_WAIT). */
const LEASE = "10s";

/** Whether the answer is wanted word by word. */
function isStreamed(c: Context<Env>): boolean {
  return c.req.header("Accept")?.includes("text/event-stream") === true;
}

function successIn(outcome: Outcome): Exclude<Outcome, { failure: unknown }> {
  if ("failure" in outcome) throw outcome.failure;
  return outcome;
}

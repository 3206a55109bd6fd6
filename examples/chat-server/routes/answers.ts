import type { Hono } from "hono";
import type { Session, SessionStore } from "langchain-redis-sessions";
import { answerResponse } from "langchain-redis-sessions/http";
import { z } from "zod";
import type { Access } from "../access.js";
import type { Agent } from "../agent.js";
import type { Changes } from "../changes.js";
import { answerOf, takeBack } from "../current-answer.js";
import type { Env } from "../env.js";
import { bodyOf, conversationOf, queryOf, text } from "../input.js";

export interface AnswerParts {
  readonly access: Access;
  readonly sessions: SessionStore;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly changes: Changes;
  /** The server closes: who follows comes back to another process, or to this one when it is back. */
  readonly closing: AbortSignal;
}

// `after` is looked at by answerResponse.
export const followQuery = z.strictObject({ operationId: text(1_024).optional(), after: z.string().optional() });
export const stopBody = z.strictObject({ operationId: text(1_024).optional() });

/** What becomes of an answer after it was asked for: look at it, follow it, stop it, from wherever the user is. */
export function answerRoutes(app: Hono<Env>, { access, sessions, agents, changes, closing }: AnswerParts): void {
  app.get("/conversations/:id/answer", access.inSession, async (c) => {
    const session = inConversation(c.get("session"), conversationOf(c));
    return c.json({ answer: await answerOf(sessions, agents, session) });
  });

  app.delete("/conversations/:id/answer", access.inSession, async (c) => {
    const session = inConversation(c.get("session"), conversationOf(c));
    await takeBack(sessions, session);
    changes.publish(session, session.conversationId);
    return c.body(null, 204);
  });

  app.get("/conversations/:id/answer/events", access.inSession, async (c) => {
    const { operationId } = queryOf(c, followQuery);
    const answers = sessions.answers(inConversation(c.get("session"), conversationOf(c)));
    // Hono answers HEAD with what GET would; a stream that nobody reads would stay open.
    if (c.req.method === "HEAD") return c.body(null, 200, { "Content-Type": "text/event-stream" });
    return answerResponse(answers, { request: c.req.raw, operationId, signal: closing });
  });

  app.post("/conversations/:id/answer/stop", access.inSession, async (c) => {
    const session = inConversation(c.get("session"), conversationOf(c));
    return c.json({ stopped: await sessions.answers(session).stop(await bodyOf(c, stopBody)) });
  });
}

function inConversation(session: Session, conversationId: string): Session {
  return { ...session, conversationId };
}

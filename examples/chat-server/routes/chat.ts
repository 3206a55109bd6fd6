import type { BaseMessage } from "@langchain/core/messages";
import type { Context, Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { SessionStore } from "langchain-redis-sessions";
import { z } from "zod";
import type { Access } from "../access.js";
import type { Agent, Heard, TurnRequest } from "../agent.js";
import { countedUser } from "../counted.js";
import type { Env } from "../env.js";
import { bodyOf, conversationId, text, writeOptions } from "../input.js";
import type { Limit } from "../limits.js";
import type { Log } from "../log.js";
import { noteFault, problemFor, ServiceError } from "../problems.js";
import { lastTurnOf, nameConversation } from "../titles.js";
import { noteTurn } from "../turn-note.js";
import { turnFailure } from "../turn-failure.js";
import type { RunningTurn, RunningTurns } from "../turns.js";

export interface ChatParts {
  readonly access: Access;
  readonly sessions: SessionStore;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly turns: RunningTurns;
  readonly limit: Limit;
  readonly log: Log;
}

const chat = z.strictObject({ message: text(20_000), conversationId: conversationId.optional() });

export function chatRoutes(app: Hono<Env>, parts: ChatParts): void {
  const { access, agents, turns, limit } = parts;

  app.post("/agents/:agentId/chat", access.inSession, async (c) => {
    const own = c.get("session");
    await limit(countedUser(own));
    const agent = agents.get(own.agentId);
    if (agent === undefined) throw new ServiceError("NOT_FOUND");
    const { message, conversationId: shown = own.conversationId } = await bodyOf(c, chat);
    // Tabs may share a session, and one may have pointed it elsewhere: a turn goes to the conversation that it was
    // written in. Whichever is named is one of the session's own user, for nobody else's can be reached with it.
    const session = { ...own, conversationId: shown };
    const named = writeOptions(c);
    // From here on it counts as running: what can be refused, was.
    const turn = turns.begin(c.req.raw.signal);
    const request = { session, message, signal: turn.signal, ...named };
    const streamed = c.req.header("Accept")?.includes("text/event-stream") === true;
    return streamed ? answerInStream(c, parts, { agent, request, turn }) : answer(c, parts, { agent, request, turn });
  });
}

interface Asked {
  readonly agent: Agent;
  readonly request: TurnRequest;
  readonly turn: RunningTurn;
}

async function answer(c: Context<Env>, parts: ChatParts, { agent, request, turn }: Asked): Promise<Response> {
  const note = noteTurn(parts.log, request.session);
  try {
    const done = await concluded(parts.sessions, request, await agent.answer(request));
    note("done");
    return c.json(done);
  } catch (error) {
    const failure = turnFailure(error, request);
    note(problemFor(failure).code);
    throw failure;
  } finally {
    turn.end();
  }
}

/**
 * Tokens and tools as they come, then one last event: `done`, when the turn is stored, or `problem`. What fails before
 * there is anything to show is answered with the status of the problem.
 */
async function answerInStream(c: Context<Env>, parts: ChatParts, { agent, request, turn }: Asked): Promise<Response> {
  const note = noteTurn(parts.log, request.session);
  const heard = agent.stream(request);
  let next: IteratorResult<Heard, readonly BaseMessage[]>;
  try {
    next = await heard.next();
  } catch (error) {
    turn.end();
    const failure = turnFailure(error, request);
    note(problemFor(failure).code);
    throw failure;
  }
  return streamSSE(c, async (stream) => {
    stream.onAbort(turn.abandon);
    try {
      for (; !next.done; next = await heard.next()) {
        const { event, ...data } = next.value;
        await stream.writeSSE({ event, data: JSON.stringify(data) });
      }
      const done = await concluded(parts.sessions, request, next.value);
      note("done");
      await stream.writeSSE({ event: "done", data: JSON.stringify(done) });
    } catch (error) {
      const failure = turnFailure(error, request);
      const problem = problemFor(failure);
      note(problem.code);
      noteFault(parts.log, failure, problem);
      await stream.writeSSE({ event: "problem", data: JSON.stringify(problem) });
    } finally {
      turn.end();
    }
  });
}

/** What the client gets of a turn that is stored. What is still asked of Redis here cannot undo that. */
async function concluded(
  sessions: SessionStore,
  { session, message }: TurnRequest,
  messages: readonly BaseMessage[],
): Promise<{ response: string; messageCount: number }> {
  const response = messages.at(-1)?.text ?? "";
  const counted = sessions.history(session).length();
  // The agent's own messages, where a window left out the older ones, are fewer.
  const messageCount = await counted.catch(() => messages.length);
  if (messageCount === lastTurnOf(messages).length) await nameConversation(sessions, session, message);
  return { response, messageCount };
}

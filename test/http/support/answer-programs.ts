import type { Server } from "node:http";
import { serve } from "@hono/node-server";
import express from "express";
import { Hono } from "hono";
import type { Answer, Answers } from "langchain-redis-sessions";
import { sessionProblems } from "langchain-redis-sessions/express";
import { answerResponse, problemResponse } from "langchain-redis-sessions/http";
import { type AnswerService, serveWith, serviceOf } from "./answer-service.js";
import { send } from "./node-response.js";

/** What the handlers of a program have. In a real one, the guard gives them the session. */
interface Handlers {
  readonly answers: Answers;
  /** Aborts when the server shuts down. */
  readonly signal: AbortSignal;
  /** Begins an answer, and goes on with it when the request is over. */
  readonly begin: () => Promise<Answer>;
}

/** A program of a framework: POST begins an answer, GET follows it. */
export interface AnswerProgram {
  readonly name: string;
  readonly start: (handlers: Handlers) => Promise<AnswerService>;
}

const nodeHttp: AnswerProgram = {
  name: "Node's http",
  start: ({ answers, signal, begin }) =>
    serveWith(async (request) => {
      if (request.method === "GET") return answerResponse(answers, { request, signal });
      return answerResponse(answers, { request, signal, answer: await begin() });
    }),
};

const hono: AnswerProgram = {
  name: "Hono",
  start: ({ answers, signal, begin }) => {
    const app = new Hono();
    app.post("/", async (c) => answerResponse(answers, { request: c.req.raw, signal, answer: await begin() }));
    app.get("/", (c) => answerResponse(answers, { request: c.req.raw, signal }));
    app.onError((error) => problemResponse(error) ?? new Response(null, { status: 500 }));
    return listening(app.fetch);
  },
};

const onExpress: AnswerProgram = {
  name: "Express",
  start: ({ answers, signal, begin }) => {
    const app = express();
    app.post("/", async (req, res) => {
      const request = new Request(`http://localhost${req.url}`);
      await send(await answerResponse(answers, { request, signal, answer: await begin() }), res);
    });
    app.get("/", async (req, res) => {
      const headers = { "Last-Event-ID": req.get("Last-Event-ID") ?? "" };
      const request = new Request(`http://localhost${req.url}`, { headers });
      await send(await answerResponse(answers, { request, signal }), res);
    });
    app.use(sessionProblems);
    return new Promise((resolve) => {
      const server = app.listen(0, "127.0.0.1", () => resolve(serviceOf(server)));
    });
  },
};

/** As functions, which is what Next.js calls. */
const next: AnswerProgram = {
  name: "a route handler, as Next.js and SvelteKit have them",
  start: ({ answers, signal, begin }) => {
    async function POST(request: Request): Promise<Response> {
      return answerResponse(answers, { request, signal, answer: await begin() });
    }
    async function GET(request: Request): Promise<Response> {
      try {
        return await answerResponse(answers, { request, signal });
      } catch (error) {
        const problem = problemResponse(error);
        if (problem) return problem;
        throw error;
      }
    }
    return listening((request) => (request.method === "POST" ? POST : GET)(request));
  },
};

export const programs: readonly AnswerProgram[] = [nodeHttp, hono, onExpress, next];

function listening(fetch: (request: Request) => Response | Promise<Response>): Promise<AnswerService> {
  return new Promise((resolve) => {
    const server = serve({ fetch, hostname: "127.0.0.1", port: 0 }, () => resolve(serviceOf(server as Server)));
  });
}

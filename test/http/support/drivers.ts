import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import express from "express";
import { Hono } from "hono";
import { expressSession, sessionProblems } from "langchain-redis-sessions/express";
import { problemResponse, sessionGuard, type SessionGuardOptions } from "langchain-redis-sessions/http";

/** A request as it goes over the wire: a header with several values is sent as often. */
export interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/** Options of the guard, and what the handler behind it does: it may throw. */
export interface Served extends SessionGuardOptions {
  readonly agentId: string;
  readonly handler?: () => void;
}

/** A program that answers `{ session, user }` behind a guard. Its clients come from 127.0.0.1. */
export interface Program {
  readonly send: (sent: Sent) => Promise<Response>;
  readonly close: () => unknown;
}

export interface Driver {
  readonly name: string;
  readonly start: (served: Served) => Program | Promise<Program>;
}

const webStandard: Driver = {
  name: "a Web-standard function",
  start: ({ handler, ...options }) => {
    const guard = sessionGuard(options);
    const answer = async (request: Request): Promise<Response> => {
      const { denied, session, identity } = await guard(request, { peerAddress: "127.0.0.1" });
      if (denied) return denied;
      try {
        handler?.();
        return Response.json({ session: session.id, user: identity.userId });
      } catch (error) {
        return problemResponse(error) ?? new Response("crashed", { status: 500 });
      }
    };
    return {
      send: async ({ method = "GET", path = "/", headers = {} }) => {
        const all = Object.entries(headers).flatMap(([name, value]) =>
          [value].flat().map((one) => [name, one] as const),
        );
        const sent = new Headers();
        for (const [name, value] of all) sent.append(name, value);
        return answer(new Request(`http://app.test${path}`, { method, headers: sent })).catch(crashed);
      },
      close: () => undefined,
    };
  },
};

const hono: Driver = {
  name: "Hono",
  start: async ({ handler, ...options }) => {
    const guard = sessionGuard(options);
    const app = new Hono();
    app.all("*", async (context) => {
      const peerAddress = getConnInfo(context).remote.address;
      const { denied, session, identity } = await guard(context.req.raw, { peerAddress });
      if (denied) return denied;
      handler?.();
      return context.json({ session: session.id, user: identity.userId });
    });
    app.onError((error) => problemResponse(error) ?? crashed());
    const { port, close } = await new Promise<{ port: number; close: () => void }>((resolve) => {
      const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, (address) =>
        resolve({ port: address.port, close: () => server.close() }),
      );
    });
    return { send: (sent) => overTheWire(port, sent), close };
  },
};

const onExpress: Driver = {
  name: "Express",
  start: async ({ handler, ...options }) => {
    const app = express();
    app.use(expressSession({ ...options, agentId: () => options.agentId }), (request, response) => {
      handler?.();
      response.json({ session: request.agentSession.id, user: request.agentIdentity.userId });
    });
    app.use(sessionProblems);
    app.use(((_error, _request, response, _next) => {
      response.status(500).end("crashed");
    }) satisfies express.ErrorRequestHandler);
    return new Promise((resolve) => {
      const server = app.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo;
        resolve({ send: (sent) => overTheWire(port, sent), close: () => server.close() });
      });
    });
  },
};

export const drivers: readonly Driver[] = [webStandard, hono, onExpress];

function crashed(): Response {
  return new Response("crashed", { status: 500 });
}

/** With Node's own client: fetch joins a header's values, and sets some of those that matter here. */
function overTheWire(port: number, { method = "GET", path = "/", headers = {} }: Sent): Promise<Response> {
  return new Promise((resolve, reject) => {
    const host = { Host: "app.test", Connection: "close" };
    httpRequest({ port, host: "127.0.0.1", method, path, headers: { ...host, ...headers } as never }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        const received = new Headers();
        for (let index = 0; index < incoming.rawHeaders.length; index += 2) {
          received.append(incoming.rawHeaders[index] ?? "", incoming.rawHeaders[index + 1] ?? "");
        }
        resolve(new Response(Buffer.concat(chunks), { status: incoming.statusCode ?? 0, headers: received }));
      });
    })
      .on("error", reject)
      .end();
  });
}

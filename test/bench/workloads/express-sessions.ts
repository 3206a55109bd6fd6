import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { RedisStore } from "connect-redis";
import session from "express-session";
import type { createClient } from "redis";

interface Exchange {
  readonly request: IncomingMessage & { session?: session.Session & { userId?: string } };
  readonly response: ServerResponse;
  /** When the middleware, which holds the end of a response back, has stored the session. */
  readonly ended: Promise<unknown>;
}

/** express-session with connect-redis, given requests and responses without a connection: HTTP is not measured. */
export class ExpressSessions {
  readonly #middleware: (request: never, response: never, next: (error?: unknown) => void) => void;

  constructor(client: ReturnType<typeof createClient>, idleSeconds: number) {
    this.#middleware = session({
      store: new RedisStore({ client, ttl: idleSeconds }),
      secret: "benchmark",
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: idleSeconds * 1_000 },
    });
  }

  /** Returns the cookie. */
  async create(userId: string): Promise<string> {
    const { request, response, ended } = await this.#exchange();
    if (request.session !== undefined) request.session.userId = userId;
    response.end();
    await ended;
    return String(response.getHeader("set-cookie")).split(";")[0] ?? "";
  }

  async verify(cookie: string): Promise<string> {
    const { request, response, ended } = await this.#exchange(cookie);
    const userId = request.session?.userId;
    response.end();
    await ended;
    if (userId === undefined) throw new Error("The session is not there.");
    return userId;
  }

  async end(cookie: string): Promise<void> {
    const { request, response, ended } = await this.#exchange(cookie);
    await new Promise((resolve) => request.session?.destroy(resolve));
    response.end();
    await ended;
  }

  #exchange(cookie?: string): Promise<Exchange> {
    const request: Exchange["request"] = Object.assign(new IncomingMessage(new Socket()), { url: "/", method: "GET" });
    if (cookie !== undefined) request.headers.cookie = cookie;
    const response = new ServerResponse(request);
    const ended = new Promise((resolve) => Object.assign(response, { end: resolve }));
    return new Promise((resolve, reject) => {
      this.#middleware(request as never, response as never, (error) =>
        error === undefined ? resolve({ request, response, ended }) : reject(error),
      );
    });
  }
}

import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { problemResponse } from "langchain-redis-sessions/http";
import { send } from "./node-response.js";

/** A service on Node's own server. */
export interface AnswerService {
  readonly url: string;
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** Serves requests with a handler for Web-standard ones, as Next.js and others have it. */
export async function serveWith(handle: (request: Request) => Promise<Response>): Promise<AnswerService> {
  const server = createServer((incoming, out) => {
    void toRequest(incoming)
      .then(handle)
      .catch((error: unknown) => problemResponse(error) ?? new Response(null, { status: 500 }))
      .then((response) => send(response, out))
      // A fault of the program broke the stream: the client sees its connection break.
      .catch(() => out.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return serviceOf(server);
}

/** Returns what a test needs of a server that listens. */
export function serviceOf(server: Server): AnswerService {
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function toRequest(incoming: IncomingMessage): Promise<Request> {
  const { url = "/", method = "GET", headers } = incoming;
  const body = method === "GET" ? null : await buffer(incoming);
  return new Request(`http://127.0.0.1${url}`, { method, headers: headers as Record<string, string>, body });
}

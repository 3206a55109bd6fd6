// A provider's endpoint on loopback. Each conversation has an address of its own, under which its answers are scripted
// and its requests recorded; so many conversations can be under way at once.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import type { Answer, Api } from "./api.js";

export interface Cut {
  /** How many events of the stream are sent. */
  readonly behind: number;
  /** Then the connection is lost, or the provider says that something went wrong. */
  readonly by: "connection" | "failure";
}

export interface Received {
  readonly text: string;
  /** Why it was answered with status 400. */
  readonly refused: string | undefined;
}

interface Scripted {
  readonly answer: Answer;
  readonly cut: Cut | undefined;
}

/** One conversation, as the endpoint sees it. */
export class Line {
  readonly url: string;
  readonly requests: Received[] = [];
  readonly scripted: Scripted[] = [];
  readonly kept = new Set<string>();
  /** Whether requests are refused. */
  readonly refuses: boolean;

  constructor(url: string, refuses: boolean) {
    this.url = url;
    this.refuses = refuses;
  }

  /** What requests are answered with beyond those that are scripted. */
  readonly beyond: Answer[] = [];

  /** What the next request is answered with that has no answer yet. */
  answer(answer: Answer, cut?: Cut): void {
    this.scripted.push({ answer, cut });
  }

  get refusals(): string[] {
    return this.requests.flatMap(({ refused }) => refused ?? []);
  }
}

export class Endpoint implements AsyncDisposable {
  readonly #api: Api;
  readonly #server: Server;
  readonly #lines = new Map<string, Line>();

  private constructor(api: Api) {
    this.#api = api;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  static async start(api: Api): Promise<Endpoint> {
    const endpoint = new Endpoint(api);
    endpoint.#server.listen(0, "127.0.0.1");
    await once(endpoint.#server, "listening");
    return endpoint;
  }

  open({ refuses = true }: { readonly refuses?: boolean } = {}): Line {
    const { port } = this.#server.address() as AddressInfo;
    const name = `c${this.#lines.size}`;
    const line = new Line(`http://127.0.0.1:${port}/${name}`, refuses);
    this.#lines.set(name, line);
    return line;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const api = this.#api;
    const path = request.url ?? "";
    const line = this.#lines.get(path.split("/")[1] ?? "");
    if (line === undefined) throw new Error(`Unknown conversation: ${path}`);
    const text = await bodyOf(request);
    const body = JSON.parse(text) as never;
    const refused = line.refuses ? api.refusal(body, line.kept) : undefined;
    line.requests.push({ text, refused });
    if (refused !== undefined) {
      const { body: error, headers } = api.refuse(refused);
      response.writeHead(400, { "content-type": "application/json", ...headers }).end(error);
      return;
    }
    const { answer, cut } = line.scripted.shift() ?? { answer: line.beyond.shift() ?? textOf(api), cut: undefined };
    // Once the last event is sent the answer is kept, whatever becomes of the connection.
    const isWhole = cut === undefined || cut.behind >= answer.frames.length;
    if (isWhole) for (const item of answer.kept ?? []) line.kept.add(item);
    if (!api.isStream(path, body)) {
      response.writeHead(200, { "content-type": "application/json" }).end(answer.whole);
      return;
    }
    response.writeHead(200, { "content-type": api.streamType });
    response.flushHeaders();
    for (const frame of answer.frames.slice(0, cut?.behind)) await sent(response, frame.bytes);
    if (cut?.by === "connection") {
      response.destroy();
      return;
    }
    if (cut?.by === "failure") await sent(response, api.failure.bytes);
    response.end();
  }
}

export function textOf({ answers }: Api): Answer {
  const text = answers["text"];
  if (text === undefined) throw new Error("An API has to have an answer named text.");
  return text();
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}

/** A reader that has left is no fault of the endpoint. */
async function sent(response: ServerResponse, bytes: string | Uint8Array): Promise<void> {
  if (response.destroyed) return;
  await new Promise<void>((resolve) => response.write(bytes, () => resolve()));
}

import { randomUUID } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { listenOnFreePort } from "../../../src/testing/servers/free-ports.js";

/** What the provider does with the next requests: it says something, refuses, hangs up, or stays silent. */
type Behaviour =
  | { readonly says: string; /** What follows, once it resolves. */ readonly rest?: Promise<string> }
  | { readonly status: number; readonly code?: string }
  | "hangs up"
  | "is silent";

/** A stand-in for a model's provider, which speaks as OpenAI's API does. */
export interface ModelProvider {
  readonly url: string;
  behaviour: Behaviour;
  readonly close: () => void;
}

export async function startModelProvider(): Promise<ModelProvider> {
  const server = createServer((request, response) => {
    const { behaviour } = provider;
    request.resume();
    if (behaviour === "is silent") return;
    if (behaviour === "hangs up") request.socket.destroy();
    else if ("says" in behaviour) void say(response, behaviour.says, behaviour.rest);
    else refuse(response, behaviour);
  });
  const port = await listenOnFreePort(server);
  const provider: ModelProvider = {
    url: `http://127.0.0.1:${port}/v1`,
    behaviour: { says: "" },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return provider;
}

/** A hundred characters at a time. */
async function say(response: ServerResponse, text: string, rest?: Promise<string>): Promise<void> {
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  const id = `chatcmpl-${randomUUID()}`;
  const send = (delta: object, finishReason: string | null = null): boolean => {
    const choices = [{ index: 0, delta, finish_reason: finishReason }];
    const chunk = { id, object: "chat.completion.chunk", created: 1, model: "gpt-4o-mini", choices };
    return response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  send({ role: "assistant", content: "" });
  for (const part of [text, rest]) {
    for (const piece of (await part)?.match(/[^]{1,100}/g) ?? []) {
      send({ content: piece });
      await pause(1);
    }
  }
  send({}, "stop");
  response.end("data: [DONE]\n\n");
}

function refuse(response: ServerResponse, { status, code = null }: { status: number; code?: string | null }): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify({ error: { message: "what the provider says", type: "error", code } }));
}

import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { listenOnFreePort } from "../../../src/testing/servers/free-ports.js";

interface Asked {
  readonly stream?: boolean;
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  readonly tools?: readonly { readonly function: { readonly name: string } }[];
}

/** A stand-in for a model's provider, which speaks as OpenAI's API does. */
export interface ModelProvider extends Disposable {
  /** What a program needs to use it. */
  readonly environment: { readonly OPENAI_API_KEY: string; readonly OPENAI_BASE_URL: string };
  /** What it was asked, request by request. */
  readonly asked: Asked[];
  /** Lets the answers go on that are held. */
  readonly letGo: () => void;
}

/**
 * Answers "Hello Ada." word by word. If the user's last message says "slowly", it says one word and is held until
 * `letGo()`. If it says "send" and there is a tool, the tool is called first.
 */
export async function startModelProvider(): Promise<ModelProvider> {
  const asked: Asked[] = [];
  let held: (() => void)[] = [];
  const hold = (): Promise<void> => new Promise((resolve) => void held.push(resolve));
  const server = createServer((request, response) => void answer(request, response));

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const question = JSON.parse(await text(request)) as Asked;
    asked.push(question);
    const last = question.messages.at(-1);
    const said = question.messages.findLast(({ role }) => role === "user")?.content;
    const words = typeof said === "string" ? said : JSON.stringify(said);
    const tool = question.tools?.[0]?.function.name;
    const calls = tool !== undefined && last?.role !== "tool" && /send/i.test(words);
    const call = { id: "call_1", type: "function", function: { name: tool, arguments: '{"amount":50,"to":"Bob"}' } };
    const head = { id: `chatcmpl-${randomUUID()}`, created: 1, model: "gpt-4o-mini" };
    if (question.stream !== true) {
      const message = calls
        ? { role: "assistant", content: null, tool_calls: [call] }
        : { role: "assistant", content: "Hello Ada." };
      const choices = [{ index: 0, message, finish_reason: calls ? "tool_calls" : "stop" }];
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end(JSON.stringify({ ...head, object: "chat.completion", choices }));
      return;
    }
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    const send = (delta: object, finish: string | null = null): void => {
      const choices = [{ index: 0, delta, finish_reason: finish }];
      response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices })}\n\n`);
    };
    if (calls) send({ role: "assistant", content: null, tool_calls: [{ index: 0, ...call }] });
    else {
      send({ role: "assistant", content: "Hello" });
      if (/slowly/i.test(words)) await hold();
      send({ content: " Ada." });
    }
    send({}, calls ? "tool_calls" : "stop");
    response.end("data: [DONE]\n\n");
  }

  const port = await listenOnFreePort(server);
  return {
    environment: { OPENAI_API_KEY: "a-key", OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` },
    asked,
    letGo: () => {
      for (const go of held) go();
      held = [];
    },
    [Symbol.dispose]: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

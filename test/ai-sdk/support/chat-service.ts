import { chatTransport } from "../../../examples/ai-sdk/client.js";
import { chatHandlers } from "../../../examples/ai-sdk/server.js";
import type { UIMessage } from "ai";
import { createAgent, type StructuredTool } from "langchain";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { serveWith } from "../../http/support/answer-service.js";
import type { ScriptedModel } from "../../support/scripted-model.js";
import { sessions } from "../../support/session-store.js";
import { freshId } from "../../support/turns.js";
import { Page } from "./chat.js";
import type { Session } from "langchain-redis-sessions";

/** A service with the handlers of examples/ai-sdk on Node's own server, for one session. */
export interface ChatService {
  readonly session: Session;
  readonly url: string;
  /** Opens a page that has loaded nothing. */
  readonly open: () => Page;
  /** Opens a page anew: it loads the chat, and goes on with the answer that runs. */
  readonly reload: () => Promise<{ page: Page; resumed: Promise<void> }>;
  readonly load: () => Promise<{ messages: UIMessage[]; operationId?: string }>;
  readonly stop: () => Promise<unknown>;
  readonly close: () => Promise<void>;
}

export async function chatService(model: ScriptedModel, tools: StructuredTool[] = []): Promise<ChatService> {
  const { session } = await sessions.create({ userId: freshId(), agentId: "support" });
  const agent = createAgent({ model, tools, middleware: [sessionMiddleware({ sessions })] });
  const handlers = chatHandlers(sessions, (asking, answer) =>
    agent.stream({ messages: [] }, { context: { session: asking, answer }, streamMode: ["messages", "updates"] }),
  );
  const base = `/api/chat/${session.conversationId}`;
  const service = await serveWith(async (request) => {
    const { pathname } = new URL(request.url);
    const route = `${request.method} ${pathname}`;
    if (route === `GET ${base}`) return handlers.load(session);
    if (route === "POST /api/chat") return handlers.post(session, request);
    if (route === `GET ${base}/stream`) return handlers.stream(session, request);
    if (route === `POST ${base}/stop`) return handlers.stop(session);
    return new Response(null, { status: 404 });
  });
  const api = `${service.url}/api/chat`;
  const ask = async (path: string, method = "GET"): Promise<unknown> =>
    (await fetch(service.url + base + path, { method })).json();
  const loaded = () => ask("") as Promise<{ messages: UIMessage[]; operationId?: string }>;
  return {
    session,
    url: service.url + base,
    open: () => new Page(session.conversationId, chatTransport(api)),
    reload: async () => {
      const { messages, operationId } = await loaded();
      const page = new Page(session.conversationId, chatTransport(api, operationId), messages);
      return { page, resumed: page.resumeStream() };
    },
    load: loaded,
    stop: () => ask("/stop", "POST"),
    close: service.close,
  };
}

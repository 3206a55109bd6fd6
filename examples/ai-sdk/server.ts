import { type Answer, ConversationNotFoundError, type Session, type SessionStore } from "langchain-redis-sessions";
import { type AgentStream, uiChunks } from "./chunks.js";
import { toUIMessages } from "./messages.js";
import { uiMessageResponse } from "./response.js";

/** Runs your agent: `agent.stream({ messages: [] }, { context: { session, answer }, streamMode: ["messages", "updates"] })`. */
export type RunAgent = (session: Session, answer: Answer) => Promise<AgentStream>;

/** Returns the handlers of a chat. Each takes the session that your guard has admitted. */
export function chatHandlers(sessions: SessionStore, runAgent: RunAgent) {
  async function run(session: Session, answer: Answer): Promise<void> {
    // At once, so that whoever comes back finds an answer, also while the model has said nothing.
    answer.send({ type: "start", messageId: answer.operationId });
    try {
      for await (const chunk of uiChunks(await runAgent(session, answer))) answer.send(chunk);
    } catch (error) {
      if (!answer.signal.aborted) console.error(error); // Its readers hear how the answer ended.
    } finally {
      await answer.close();
    }
  }
  return {
    /** GET /api/chat/:id: the messages, and the operation id of the answer that runs. */
    async load(session: Session): Promise<Response> {
      const current = await sessions.answers(session).current();
      const stored = await sessions.conversations.messages(session, session.conversationId).catch(noneYet);
      if (current?.state !== "running") return Response.json({ messages: toUIMessages(stored) });
      // The stream brings what the turn has stored so far, and it shows what it is to replace no more.
      const { operationId, question, position, replaces } = current;
      const begins = stored.findIndex((message) => message.position === (replaces ?? position));
      const before = begins === -1 ? stored : stored.slice(0, begins);
      const asked = question.map((message) => ({ message, position: position ?? operationId }));
      return Response.json({ messages: toUIMessages([...before, ...asked]), operationId });
    },

    /** POST /api/chat: begins an answer, which goes on when the reader leaves. */
    async post(session: Session, request: Request): Promise<Response> {
      const { operationId, text, replaces } = (await request.json()) as Record<string, string>;
      const answers = sessions.answers(session);
      const answer = await answers.begin({ operationId: operationId ?? "", input: text, replaces });
      void run(session, answer);
      return uiMessageResponse((signal) => answers.follow({ operationId, signal }));
    },

    /** GET /api/chat/:id/stream: the answer from its first chunk on, also when it has ended just now. */
    async stream(session: Session, request: Request): Promise<Response> {
      const answers = sessions.answers(session);
      const asked = new URL(request.url).searchParams.get("operationId") ?? undefined;
      const current = asked === undefined ? await answers.current() : undefined;
      const operationId = asked ?? (current?.state === "running" ? current.operationId : undefined);
      if (operationId === undefined) return new Response(null, { status: 204 });
      for await (const _ of answers.follow({ operationId })) {
        return uiMessageResponse((signal) => answers.follow({ operationId, signal }));
      }
      return new Response(null, { status: 204 });
    },

    /** POST /api/chat/:id/stop: the `stop()` of the AI SDK only closes its connection. */
    async stop(session: Session): Promise<Response> {
      return Response.json({ stopped: await sessions.answers(session).stop() });
    },
  };
}

/** A conversation begins with its first message. */
function noneYet(error: unknown): [] {
  if (error instanceof ConversationNotFoundError) return [];
  throw error;
}

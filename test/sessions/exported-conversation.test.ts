// A conversation as JSON: all that is stored of it, with and without what it need not have.
import { expect, test } from "vitest";
import { ConversationNotFoundError } from "langchain-redis-sessions";
import { sessions } from "../support/session-store.js";
import { freshId, turn } from "../support/turns.js";

test("an exported conversation has its times, its messages, and a title and an origin only where it has them", async () => {
  const { session } = await sessions.create({ userId: freshId(), agentId: "assistant" });
  const { conversationId: id } = session;
  await expect(sessions.conversations.export(session, id)).rejects.toBeInstanceOf(ConversationNotFoundError);
  await sessions.history(session).addMessages(turn("Hi"));
  const [stored] = await sessions.conversations.list(session);
  const messages = await sessions.conversations.messages(session, id);
  const exported = await sessions.conversations.export(session, id);
  expect(exported).toEqual({
    format: "langchain-redis-sessions/conversation/1",
    id,
    agentId: "assistant",
    createdAt: stored?.createdAt.toISOString(),
    lastActivityAt: stored?.lastActivityAt.toISOString(),
    messages: messages.map(({ message, at }) => ({
      type: message.type,
      data: expect.objectContaining({ content: message.text }),
      at: at.toISOString(),
    })),
  });
  // It is JSON: nothing of it is lost on the way.
  expect(JSON.parse(JSON.stringify(exported))).toEqual(exported);

  await sessions.conversations.rename(session, id, "A title");
  expect(await sessions.conversations.export(session, id)).toMatchObject({ title: "A title" });
  const fork = await sessions.conversations.fork(session, id);
  expect(await sessions.conversations.export(session, fork.id)).toMatchObject({ title: "A title", forkedFrom: id });
});

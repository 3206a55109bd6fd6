// The question of an answer that is to replace messages is kept beside the conversation.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { expect, test } from "vitest";
import { sessions } from "../support/session-store.js";
import { freshId, texts, turn } from "../support/turns.js";

test("current() returns the question of an answer that is to replace messages, while it runs and when it broke off", async () => {
  const { session } = await sessions.create({ userId: freshId(), agentId: "support" });
  const answers = sessions.answers(session);
  await sessions.history(session).addMessages(turn("old"));
  const [old] = await sessions.conversations.messages(session, session.conversationId);
  const replaces = old?.position ?? "";
  const input = [new HumanMessage("new"), new HumanMessage("and more")];
  const answer = await answers.begin({ operationId: "edit", input, replaces });
  const running = await answers.current();
  expect(running).toMatchObject({ operationId: "edit", replaces, state: "running" });
  expect(running?.position).toBeUndefined();
  expect(texts(running?.question ?? [])).toEqual(["new", "and more"]);
  await answer.close();
  const interrupted = await answers.current();
  expect(interrupted).toMatchObject({ operationId: "edit", replaces, state: "interrupted" });

  const { question = [] } = interrupted ?? {};
  const again = await answers.begin({ operationId: "edit", input: question, replaces });
  await again.store([new AIMessage("answered")]);
  await again.close();
  expect(texts(await sessions.history(session).getMessages())).toEqual(["new", "and more", "answered"]);
});

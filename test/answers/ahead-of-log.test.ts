// The request that asked is served from memory. When it loses its connection, its client may be ahead of the log.
import { AIMessage } from "@langchain/core/messages";
import { expect, test } from "vitest";
import type { AnswerEvent } from "langchain-redis-sessions";
import { sessions } from "../support/session-store.js";
import { freshId } from "../support/turns.js";

test("a follower that is ahead of the log gets no event again, and keeps nothing from others", async () => {
  const { session } = await sessions.create({ userId: freshId(), agentId: "support" });
  const answers = sessions.answers(session);
  const answer = await answers.begin({ operationId: freshId(), input: "Hi", window: "1m" });
  for (const word of ["one", "two", "three"]) answer.send(word);
  const first = await answers.follow().next();
  const { id = "" } = first.value ?? {};
  expect(id).toMatch(/-1$/);
  // The log has one event: the others wait for the end of the window.
  const ahead = all(answers.follow({ after: id.replace(/1$/, "3") }));
  const beside = all(answers.follow({ after: id }));
  const fresh = all(answers.follow());
  answer.send("four");
  await answer.store([new AIMessage("Hello.")]);
  await answer.close();
  expect(await ahead).toEqual(["four", "stored"]);
  expect(await beside).toEqual(["two", "three", "four", "stored"]);
  expect(await fresh).toEqual(["one", "two", "three", "four", "stored"]);
});

async function all(events: AsyncIterable<AnswerEvent>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const event of events) found.push("event" in event ? event.event : "end" in event ? event.end : event);
  return found;
}

// P18: what is content is in no command, dump or append-only file of Redis, whatever is done with it.
import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { RedisChatMessageHistory, SessionStore } from "langchain-redis-sessions";
import { afterEach, describe, expect, test } from "vitest";
import { Turn } from "../../src/turns/turn.js";
import { ToldSettings } from "../past/support/outcomes.js";
import { ring } from "./support/rings.js";
import { SpiedServer } from "./support/spied-server.js";

let server: SpiedServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

const words = {
  question: "the-question-of-ada",
  answer: "the-answer-to-ada",
  argument: "an-argument-of-ada",
  result: "a-result-for-ada",
  title: "a-title-of-ada",
  edited: "an-edited-question",
  metadata: "metadata-of-ada",
  address: "192.0.2.77",
  device: "a-browser-of-ada",
  event: "an-event-for-ada",
  kept: "a-question-kept-beside",
  part: "a-part-of-an-answer",
} as const;
const all: readonly string[] = Object.values(words);

const turn = (): (HumanMessage | AIMessage | ToolMessage)[] => [
  new HumanMessage(words.question),
  new AIMessage({ content: "", tool_calls: [{ id: "1", name: "look", args: { for: words.argument } }] }),
  new ToolMessage({ content: words.result, tool_call_id: "1" }),
  new AIMessage(words.answer),
];

/** Does everything that stores content. */
async function useAll(client: SpiedServer["client"], options: object): Promise<void> {
  const history = new RedisChatMessageHistory({ client, sessionId: "ada", ...options });
  await history.addMessages(turn(), { operationId: "first" });
  await history.addMessages(turn(), { operationId: "first" });
  const sessions = new SessionStore({ client, addressBinding: "strict", ...options });
  const owner = { userId: "ada" };
  const { token, session } = await sessions.create({
    ...owner,
    agentId: "support",
    ipAddress: words.address,
    userAgent: words.device,
    metadata: { note: words.metadata },
  });
  await sessions.verify(token, { ipAddress: words.address });
  await sessions.update(session, { metadata: { more: words.metadata } });
  await sessions.history(session).addMessages(turn());
  await sessions.conversations.rename(owner, session.conversationId, words.title);
  await sessions.conversations.fork(owner, session.conversationId, { title: `${words.title}, again` });
  const [first] = await sessions.conversations.messages(owner, session.conversationId);

  const answers = sessions.answers(session);
  const answer = await answers.begin({ operationId: "asked", input: words.kept, replaces: first?.position });
  answer.send({ token: words.event });
  expect((await answers.current())?.question[0]?.content).toBe(words.kept);
  await answer.close();
  const edited = await Turn.begin(sessions.history(session), new ToldSettings(), { replaces: first?.position });
  await edited.store({
    messages: () => [new HumanMessage(words.edited), new AIMessage(words.part)],
    output: undefined,
  });
  await sessions.end(token);
  await sessions.close();
}

describe("what is content is seen nowhere", () => {
  test.each([{ encryption: ring() }, { encryption: ring(), compress: true }])("with %o", async (options) => {
    server = await SpiedServer.start();
    await useAll(server.client, options);
    expect(await server.showing(all)).toEqual([]);
  });

  test("control: without encryption, all of it is seen in the commands and in the files", async () => {
    server = await SpiedServer.start();
    await useAll(server.client, {});
    const shown = await server.showing(all);
    for (const word of all) {
      expect(shown).toContain(`MONITOR: ${word}`);
      expect(shown).toContain(`AOF: ${word}`);
    }
    expect(shown).toContain(`RDB: ${words.title}`);
  });
});

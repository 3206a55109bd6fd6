// A conversation that `maxMessages` has cut may begin with calls whose question is gone. No run of a turn is shown those.
import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { describe, expect, test } from "vitest";
import { client } from "../support/session-store.js";
import { texts } from "../support/turns.js";
import { begin, ofSessions, onItsOwn, said } from "./support/conversations.js";
import { SessionPast } from "./support/session-past.js";

const called: readonly BaseMessage[] = [
  new HumanMessage("Q: one"),
  new AIMessage({ content: "call", tool_calls: [{ id: "c", name: "look", args: {}, type: "tool_call" }] }),
  new ToolMessage({ content: "result", tool_call_id: "c" }),
  new AIMessage("first"),
];

describe.each([
  { kind: "a history", make: onItsOwn },
  { kind: "sessions of one user", make: ofSessions },
])("in $kind", ({ make }) => {
  test("a repeated request is not shown the rest of a turn in front of its own parts", async () => {
    const conversation = make(client);
    const options = { maxMessages: 5 };
    await (await conversation.open(options)).addMessages([...called]);
    const failed = await begin(conversation, "one", options);
    await failed.storeStep(said("Q: two", "a step"));
    expect(await (await conversation.open(options)).getMessages()).toHaveLength(5);
    expect(texts((await begin(conversation, "two", options)).past)).toEqual(["first", "Q: two", "a step"]);
    expect(texts((await begin(conversation, "one", options)).past)).toEqual(["first"]);
  });
});

test("a turn that replaces a message is not shown the rest of a turn in front of it", async () => {
  const past = await SessionPast.of(client, [], { maxMessages: 5 });
  await past.store.history(past.session).addMessages([...called]);
  await past.append("Q: two", "second");
  const edit = await past.begin({ replaces: await past.at("Q: two") });
  expect(texts(edit.past)).toEqual(["first"]);
});

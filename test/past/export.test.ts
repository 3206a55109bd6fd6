// P16: an exported conversation is JSON without loss, whatever kinds of messages it has.
import {
  AIMessage,
  type BaseMessage,
  ChatMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage,
} from "@langchain/core/messages";
import { expect, test } from "vitest";
import { SessionStore } from "langchain-redis-sessions";
import { decodeMessage } from "../../src/codec/decode.js";
import { client } from "../support/session-store.js";
import { freshId } from "../support/turns.js";
import { fieldsOf } from "../codec/round-trip.js";
import { outcomeOf } from "./support/outcomes.js";
import { SessionPast } from "./support/session-past.js";

const kinds: readonly BaseMessage[] = [
  new SystemMessage("Be kind."),
  new HumanMessage({ content: "Hi \u0000 \u2028 € 😀", id: "h", name: "ada" }),
  new HumanMessage({ content: [{ type: "image", mimeType: "image/png", data: new Uint8Array([0, 255]) }] }),
  Object.assign(
    new AIMessage({
      content: "Let me see.",
      additional_kwargs: { rich: [{ at: new Date(0), big: 2n ** 70n, none: Number.NaN }] },
      tool_calls: [{ id: "c", name: "look", args: { at: "Rome" }, type: "tool_call" }],
      invalid_tool_calls: [{ id: "d", name: "look", args: "{", error: "no JSON", type: "invalid_tool_call" }],
      response_metadata: { interrupted: true, at: "a field of its own" },
    }),
    { usage_metadata: { input_tokens: 1, output_tokens: 2, total_tokens: 3 } },
  ),
  new ToolMessage({ content: "sunny", tool_call_id: "c", artifact: { map: new Map([["a", 1]]) }, status: "success" }),
  new ChatMessage({ content: "a role of its own", role: "critic" }),
  Object.assign(new AIMessage("done"), { own: "a field of its own", at: "another" }),
];

test("each kind of message comes back from the export as getMessages() returns it, with its time", async () => {
  const past = await SessionPast.of(client, []);
  await past.store.history(past.session).addMessages([...kinds]);
  const { messages } = JSON.parse(
    JSON.stringify(await past.store.conversations.export(past.session, past.id)),
  ) as Awaited<ReturnType<typeof past.store.conversations.export>>;
  const decoded = messages.map(({ at, ...message }, index) =>
    decodeMessage(JSON.stringify({ ...message, at: Date.parse(at) }), index),
  );
  const stored = await past.messages();
  expect(decoded.map(({ at }) => at)).toEqual(stored.map(({ at }) => at.getTime()));
  expect(decoded.map(({ message }) => message.constructor.name)).toEqual(
    kinds.map(({ constructor }) => constructor.name),
  );
  const read = await past.store.history(past.session).getMessages();
  expect(decoded.map(({ message }) => fieldsOf(message))).toEqual(read.map(fieldsOf));
  expect(read.map(({ text }) => text)).toEqual(kinds.map(({ text }) => text));
});

test("an entry that is not a message of this library is an error, or is left out", async () => {
  const past = await SessionPast.of(client, [["Q: one", "first"]]);
  await client.rpush(past.keys.messages(past.id), "no JSON");
  const { conversations } = past.store;
  expect(await outcomeOf(conversations.export(past.session, past.id))).toBe("CORRUPT_MESSAGE");
  const keyPrefix = past.keys.base.split(":")[0];
  const skipping = new SessionStore({ client, keyPrefix, onCorrupt: "skip" }).conversations;
  expect((await skipping.export(past.session, past.id)).messages).toHaveLength(2);
});

test("another owner exports nothing, and so does anybody after an erasure, a clear, an expiry or an eviction", async () => {
  const ends: ((past: SessionPast) => Promise<unknown>)[] = [
    ({ store, session }) => store.eraseUser(session),
    ({ store, session }) => store.history(session).clear(),
    ({ keys, id }) => client.del(keys.messages(id), keys.conversation(id)),
    ({ keys, id }) => client.del(keys.messages(id)),
  ];
  for (const end of ends) {
    const past = await SessionPast.of(client, [["Q: one", "first"]]);
    const other = { userId: freshId() };
    expect(await outcomeOf(past.store.conversations.export(other, past.id))).toBe("CONVERSATION_NOT_FOUND");
    await end(past);
    expect(await outcomeOf(past.store.conversations.export(past.session, past.id))).toBe("CONVERSATION_NOT_FOUND");
  }
});

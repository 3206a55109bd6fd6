// Canaries: each fails when toJSON of a message reads something on which src/frameworks/message-json.ts does not count.
import type { BaseMessage } from "@langchain/core/messages";
import { describe, expect, test } from "vitest";
import { jsonField, jsonNames } from "../../src/frameworks/message-json.js";
import { versionsOf } from "./support/versions.js";

/** What `toJSON` reads beside the fields: what a class says of itself, and never changes. */
const ofTheClass =
  "toJSON lc_serializable lc_kwargs lc_id lc_namespace constructor lc_aliases lc_secrets lc_attributes";

describe.each(versionsOf("@langchain/core"))("%s", (_version, { messages }) => {
  const call = { id: "c", name: "look_up", args: { about: "a" }, type: "tool_call" as const };
  const made: readonly BaseMessage[] = [
    new messages.HumanMessage({ content: [{ type: "text", text: "Hi" }], id: "h", name: "Ada" }),
    new messages.AIMessage({ content: "Hello", id: "a", tool_calls: [call], response_metadata: { model: "m" } }),
    new messages.AIMessageChunk({
      content: "Hel",
      tool_call_chunks: [{ ...call, args: "{}", type: "tool_call_chunk" }],
    }),
    new messages.SystemMessage("Be brief"),
    new messages.ToolMessage({ content: "found", tool_call_id: "c", artifact: { page: 1 }, status: "success" }),
  ];

  test.each(made.map((message): [string, BaseMessage] => [message.constructor.name, message]))(
    "toJSON of a %s reads its fields and what its class says, and nothing else",
    (_name, message) => {
      const read = new Set<PropertyKey>();
      const watched = new Proxy(message, {
        get: (target, name) => {
          read.add(name);
          return Reflect.get(target, name, watched) as unknown;
        },
        has: (target, name) => {
          read.add(name);
          return Reflect.has(target, name);
        },
      });
      expect(watched.toJSON()).toEqual(message.toJSON());
      const names = new Set<PropertyKey>([...Object.keys(message.lc_kwargs), ...ofTheClass.split(" ")]);
      expect([...read].filter((name) => !names.has(name))).toEqual([]);
      expect([message.lc_attributes, message.lc_secrets]).toEqual([undefined, undefined]);
    },
  );
});

test("the fields are those that toJSON reads, from the message if it has them", async () => {
  const { HumanMessage } = await import("@langchain/core/messages");
  const given = { content: "before", unknown: 1 };
  const message = new HumanMessage(given);
  message.content = "after";
  const fields = jsonNames(message)?.map((name) => [name, jsonField(message, name)]);
  expect(Object.fromEntries(fields ?? [])).toMatchObject({ content: "after", unknown: 1 });
});

test("a message of another class, or with a toJSON of its own, may read anything", async () => {
  const { HumanMessage } = await import("@langchain/core/messages");
  class Special extends HumanMessage {}
  expect(jsonNames(new Special("Hi"))).toBeUndefined();
  expect(jsonNames(Object.assign(new HumanMessage("Hi"), { toJSON: () => ({}) }))).toBeUndefined();
  expect(jsonNames(new HumanMessage("Hi"))).toContain("content");
});

// A content that was made of a message is used again only as long as the message is what it was.
import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { MemorySaver } from "@langchain/langgraph-checkpoint";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MessageContents } from "../../src/checkpoints/message-contents.js";
import { byHash } from "../../src/checkpoints/names.js";
import { Values } from "../../src/checkpoints/values.js";
import { amount } from "../support/amount.js";

const { serde } = new MemorySaver();

/** What is stored of some values, by one who has seen messages before, or by one who has not. */
const nodesOf = async (by: Values, some: readonly unknown[]): Promise<ReadonlyMap<string, string>> =>
  (await by.dump(some))(byHash).nodes.all;

/** Notes the content `"first"` for a message; then changes it, and returns what is remembered. */
function afterChange<Message extends BaseMessage>(message: Message, change: (message: Message) => void) {
  const contents = new MessageContents();
  contents.noting(message)("first");
  change(message);
  return contents.of(message);
}

const full = (): AIMessage =>
  new AIMessage({
    content: [{ type: "text", text: "Hello", annotations: [{ start: 1 }] }],
    tool_calls: [{ id: "c", name: "look_up", args: { about: { deep: [1, 2] } } }],
    additional_kwargs: { nothing: null, flag: true },
    response_metadata: { model: "m" },
    id: "a",
  });

describe("a message is known", () => {
  test("as long as nothing is changed", () => {
    expect(afterChange(full(), () => {})).toBe("first");
  });

  test("also when equal fields took the place of its own", () => {
    expect(afterChange(full(), (message) => (message.response_metadata = { model: "m" }))).toBe("first");
  });

  test.each<[string, (message: AIMessage) => void]>([
    ["its content", (one) => (one.content = "Bye")],
    ["a text in its content", (one) => Object.assign(one.content[0] ?? {}, { text: "Bye" })],
    ["a list within", (one) => (one.content as { annotations?: unknown[] }[])[0]?.annotations?.push(2)],
    [
      "an argument of a call, deep within",
      (one) => (one.tool_calls?.[0]?.args["about"] as { deep: number[] } | undefined)?.deep.pop(),
    ],
    ["a call that is added", (one) => one.tool_calls?.push({ name: "other", args: {} })],
    ["a field that is added", (one) => (one.additional_kwargs["more"] = 1)],
    ["a field that is taken away", (one) => delete one.additional_kwargs["flag"]],
    ["the order of fields", (one) => (one.additional_kwargs = { flag: true, nothing: null })],
    ["null that becomes undefined", (one) => (one.additional_kwargs["nothing"] = undefined)],
    ["an empty object that becomes a Map", (one) => (one.response_metadata = new Map() as never)],
    ["a list that becomes an object", (one) => (one.tool_calls = { 0: one.tool_calls?.[0], length: 1 } as never)],
    ["its id, as LangGraph sets it", (one) => one._updateId("b")],
    ["a field of lc_kwargs that it did not have", (one) => (one.lc_kwargs["usage_metadata"] = 1)],
    ["a toJSON of its own", (one) => Object.assign(one, { toJSON: () => ({}) })],
    ["a toJSON within", (one) => (one.response_metadata["toJSON"] = () => "other")],
  ])("but not after a change of %s", (_, change) => {
    expect(afterChange(full(), change)).toBeUndefined();
  });

  test.each<[string, unknown]>([
    ["a Map", new Map()],
    ["a Date", new Date()],
    ["bytes", new Uint8Array(1)],
    ["a message", new HumanMessage("Hi")],
    ["an object with toJSON", { toJSON: () => Math.random() }],
    ["a bigint", 1n],
    ["a function", () => {}],
  ])("but not with %s in it, which may change unseen", (_, artifact) => {
    expect(afterChange(new ToolMessage({ content: "", tool_call_id: "c", artifact }), () => {})).toBeUndefined();
  });

  test("but not when it holds itself, or its content is large", () => {
    const circle: Record<string, unknown> = {};
    circle["circle"] = circle;
    expect(afterChange(new AIMessage({ content: "", response_metadata: circle }), () => {})).toBeUndefined();
    const contents = new MessageContents();
    const message = new HumanMessage("Hi");
    contents.noting(message)("x".repeat(70_000));
    expect(contents.of(message)).toBeUndefined();
  });
});

/** A value of which a message may be made, as a path to a part of it and another value for that part may change it. */
const part = fc.jsonValue({ maxDepth: 2 });

/** Changes a part of a value in its place, and returns whether there was one. */
function changeWithin(value: unknown, path: readonly number[], to: unknown): boolean {
  const [first = 0, ...rest] = path;
  if (typeof value !== "object" || value === null) return false;
  const names = Object.keys(value);
  const name = names[first % Math.max(1, names.length)];
  if (name === undefined) return false;
  if (!changeWithin((value as Record<string, unknown>)[name], rest, to)) Object.assign(value, { [name]: to });
  return true;
}

test("whatever is changed within messages, what is stored is what a process stores that sees them first", async () => {
  let changes = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ metadata: fc.dictionary(fc.string(), part), args: fc.dictionary(fc.string(), part) }), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.array(
        fc.record({ which: fc.nat(), isArgs: fc.boolean(), path: fc.array(fc.nat(), { maxLength: 4 }), to: part }),
        {
          maxLength: 4,
        },
      ),
      async (fields, edits) => {
        const said = fields.map(
          ({ metadata, args }, index) =>
            new AIMessage({
              content: "Hi",
              id: String(index),
              response_metadata: metadata,
              tool_calls: [{ name: "tool", args, id: "c" }],
            }),
        );
        const seen = new Values(serde, true);
        await nodesOf(seen, [said]);
        for (const { which, isArgs, path, to } of edits) {
          const message = said[which % said.length];
          if (changeWithin(isArgs ? message?.tool_calls?.[0]?.args : message?.response_metadata, path, to))
            changes += 1;
          expect(await nodesOf(seen, [said])).toEqual(await nodesOf(new Values(serde, true), [said]));
        }
      },
    ),
    { numRuns: amount(100, 10_000) },
  );
  expect(changes).toBeGreaterThan(20);
});

test("a message that is stored again is not given to the serializer again", async () => {
  const given: string[] = [];
  const watched = new Values(
    {
      dumpsTyped: async (one) => {
        const [type, bytes] = await serde.dumpsTyped(one);
        given.push(new TextDecoder().decode(bytes));
        return [type, bytes];
      },
      loadsTyped: (type, data) => serde.loadsTyped(type, data),
    },
    true,
  );
  const said = Array.from({ length: 10 }, (_, index) => new HumanMessage({ content: `said ${index}`, id: `${index}` }));
  const first = await nodesOf(watched, [said]);
  expect(given.at(-1)).toContain("said 9");
  expect(await nodesOf(watched, [said])).toEqual(first);
  expect(given.at(-1)).not.toContain("said");
});

import {
  AIMessage,
  AIMessageChunk,
  type BaseMessage,
  ChatMessage,
  ChatMessageChunk,
  FunctionMessage,
  FunctionMessageChunk,
  HumanMessage,
  HumanMessageChunk,
  RemoveMessage,
  SystemMessage,
  SystemMessageChunk,
  ToolMessage,
  ToolMessageChunk,
} from "@langchain/core/messages";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMessage } from "../../src/codec/decode.js";
import { APPENDED_AT, fieldsOf, reload, storedText } from "./round-trip.js";

const common = {
  content: "Grüße, 世界 \u{1F44B}",
  id: "message-1",
  name: "ada",
  additional_kwargs: { lc_source: "import", nested: { list: [1, null, true, "x", {}, []] } },
  response_metadata: { model_name: "gpt-4o-mini", tokenUsage: { promptTokens: 12 } },
};
const toolCalls = [
  { name: "add", args: { a: 1, b: [2] }, id: "call_1", type: "tool_call" as const },
  { name: "now", args: {}, id: "call_2", type: "tool_call" as const },
];
const invalidToolCalls = [
  { name: "add", args: "{broken", id: "call_3", error: "Malformed args.", type: "invalid_tool_call" as const },
];
// An object of no type: core types this field as never unless a message structure is named.
const counted: object = {
  usage_metadata: { input_tokens: 3, output_tokens: 4, total_tokens: 7, input_token_details: { cache_read: 1 } },
};
const aiFields = {
  ...common,
  tool_calls: toolCalls,
  invalid_tool_calls: invalidToolCalls,
  ...counted,
};
const toolFields = {
  ...common,
  tool_call_id: "call_1",
  status: "error" as const,
  artifact: { rows: [[1, 2]] },
};

type MessageClass = new (...fields: never[]) => BaseMessage;
const classes: [name: string, make: () => BaseMessage, reloadedAs: MessageClass][] = [
  ["HumanMessage", () => new HumanMessage(common), HumanMessage],
  ["AIMessage", () => new AIMessage(aiFields), AIMessage],
  ["SystemMessage", () => new SystemMessage(common), SystemMessage],
  ["ToolMessage", () => new ToolMessage({ ...toolFields, metadata: { took: 5 } }), ToolMessage],
  ["FunctionMessage", () => new FunctionMessage(common), FunctionMessage],
  ["ChatMessage", () => new ChatMessage({ ...common, role: "critic" }), ChatMessage],
  ["RemoveMessage", () => new RemoveMessage({ ...common, id: "message-0" }), RemoveMessage],
  ["HumanMessageChunk", () => new HumanMessageChunk(common), HumanMessage],
  ["AIMessageChunk", () => new AIMessageChunk(aiFields), AIMessage],
  ["SystemMessageChunk", () => new SystemMessageChunk(common), SystemMessage],
  ["ToolMessageChunk", () => new ToolMessageChunk(toolFields), ToolMessage],
  ["FunctionMessageChunk", () => new FunctionMessageChunk(common), FunctionMessage],
  ["ChatMessageChunk", () => new ChatMessageChunk({ ...common, role: "critic" }), ChatMessage],
];

describe("every class of message", () => {
  it.each(classes)("%s comes back with all its fields", (_name, make, reloadedAs) => {
    const message = make();
    const reloaded = reload(message);

    expect(reloaded.constructor).toBe(reloadedAs);
    expect(fieldsOf(reloaded)).toEqual(fieldsOf(message));
  });

  it.each(classes)("%s comes back with fields that were set after construction", (_name, make) => {
    const message = make();
    const { fields, late } = lateFields(message);
    Object.assign(message, late);
    const reloaded = reload(message);

    expect(fieldsOf(reloaded)).toEqual({ ...fields, ...late });
    expect(fieldsOf(reload(reloaded))).toEqual({ ...fields, ...late });
  });

  it.each(classes)("%s gives the same text when it is stored again", (_name, make) => {
    const message = make();
    const text = storedText(message);

    expect(storedText(message)).toBe(text);
    expect(storedText(make())).toBe(text);
    const again = reload(message);
    expect(storedText(reload(again))).toBe(storedText(again));
  });

  it.each(classes.filter(([name]) => !/Chunk|Remove/.test(name)))("%s answers toDict() as before", (_name, make) => {
    const message = make();
    expect(toDictText(reload(message))).toEqual(toDictText(message));
  });

  it.each([
    ["human", new HumanMessage("hello")],
    ["ai", new AIMessage("hello")],
    ["system", new SystemMessage("hello")],
    ["tool", new ToolMessage("hello", "call_1")],
    ["generic", new ChatMessage("hello", "critic")],
  ])("a bare %s message answers toDict() as before", (_name, message) => {
    expect(toDictText(reload(message))).toEqual(toDictText(message));
    expect(fieldsOf(reload(message))).toEqual(fieldsOf(message));
  });
});

describe("fields beyond those of a class", () => {
  it("are fields of the message again", () => {
    const message = Object.assign(new HumanMessage("hello"), {
      tool_calls: [{ odd: 1 }],
      rating: 5,
      seenAt: new Date(0),
    });
    const reloaded = reload(message);

    expect(reloaded).toMatchObject({ rating: 5, tool_calls: [{ odd: 1 }], seenAt: new Date(0) });
    expect(fieldsOf(reloaded)).toEqual(fieldsOf(message));
  });

  it("are there again when they are empty", () => {
    const message = Object.assign(new HumanMessage("hello"), { tool_calls: [], invalid_tool_calls: [] });
    expect(fieldsOf(reload(message))).toEqual(fieldsOf(message));
  });

  it("that only the constructor was given are still in toDict(), and not on the message", () => {
    const message = new AIMessage(Object.assign({ content: "hello" }, { example: true }));
    const reloaded = reload(message);

    expect(reloaded.toDict().data).toMatchObject({ example: true });
    expect(reloaded).not.toHaveProperty("example");
  });

  it("never replace what a message inherits", () => {
    const message = new HumanMessage("hello");
    for (const name of ["__proto__", "constructor", "toDict", "text", "lc_namespace"]) {
      Object.defineProperty(message, name, { value: { polluted: true }, enumerable: true });
    }
    const hostile = storedText(message).replace(
      '"data":{',
      '"data":{"__proto__":{"polluted":true},"lc_secret":1,"toJSON":1,',
    );
    expect(hostile).toContain('"own":["constructor"');
    const reloaded = decodeMessage(hostile.replace('"own":[', '"own":["__proto__","toJSON",'), 0).message;

    expect(Object.getPrototypeOf(reloaded)).toBe(HumanMessage.prototype);
    expect(Object.keys(reloaded).toSorted()).toEqual(Object.keys(new HumanMessage("hello")).toSorted());
    expect(reloaded.lc_namespace).toEqual(["langchain_core", "messages"]);
    expect(reloaded.text).toBe("hello");
    expect({}).not.toHaveProperty("polluted");
  });

  it("are no functions, symbols or undefined values", () => {
    const message = Object.assign(new HumanMessage("hello"), { log: () => "x", toJSON: () => "x", mark: Symbol("x") });

    expect(storedText(message)).toBe(`{"type":"human","data":{"content":"hello"},"at":${APPENDED_AT}}`);
  });
});

describe("streamed messages", () => {
  const pieces = [
    { tool_call_chunks: [{ index: 0, id: "call_1", name: "add", args: '{"a":' }] },
    { tool_call_chunks: [{ index: 0, args: "1}" }] },
    { tool_call_chunks: [{ index: 1, name: "bad", args: "{" }], ...counted },
  ].map((fields) => new AIMessageChunk({ content: "a", ...fields }));

  it("come back as the message that the chunks add up to", () => {
    const streamed = pieces.reduce((all, piece) => all.concat(piece));
    // The getters are the point: a plain value would not show whether they are read.
    expect(Object.getOwnPropertyDescriptor(streamed, "tool_calls")).toHaveProperty("get", expect.any(Function));
    const reloaded = reload(streamed);

    expect(reloaded.constructor).toBe(AIMessage);
    expect(reloaded).toMatchObject({
      content: "aaa",
      tool_calls: [{ name: "add", args: { a: 1 }, id: "call_1", type: "tool_call" }],
      invalid_tool_calls: [{ name: "bad", args: "{" }],
      ...counted,
    });
    expect(storedText(streamed)).not.toContain("tool_call_chunks");
  });

  it("are stored without chunks also when they were copied into a message", () => {
    const streamed = pieces.reduce((all, piece) => all.concat(piece));

    expect(storedText(new AIMessage({ content: "", ...Object.fromEntries(Object.entries(streamed)) }))).not.toMatch(
      /tool_call_chunks|lc_/,
    );
  });
});

describe("calls and results without an id", () => {
  // As OpenAI-compatible servers and older adapters give them, whatever their types say.
  const withId = (id: unknown): Record<string, unknown> => (id === undefined ? {} : { id });
  const call = fc.record({ name: fc.string(), args: fc.constant({ city: "Oslo" }) });
  const id = fc.option(fc.option(fc.constantFrom("", "call_1")), { nil: undefined });

  it("come back as they were, and give the same text when they are stored again", () => {
    fc.assert(
      fc.property(id, fc.array(call), fc.option(fc.constant({ seen: new Date(0) })), (given, calls, odd) => {
        const tool_calls = calls.map((one) => ({ ...one, ...withId(given) }));
        const invalid_tool_calls = calls.map(({ name }) => ({ name, args: "{", ...withId(given) }));
        const kwargs = { additional_kwargs: odd ?? {} };
        const asked = new AIMessage({ content: "", tool_calls, invalid_tool_calls, ...kwargs });
        const result = new ToolMessage({ content: "rain", tool_call_id: "", ...kwargs });
        Object.assign(result, { tool_call_id: given });
        for (const message of [asked, result]) {
          const reloaded = reload(message);
          expect(reloaded.constructor).toBe(message.constructor);
          expect(fieldsOf(reloaded)).toStrictEqual(fieldsOf(message));
          expect(storedText(reloaded)).toBe(storedText(message));
        }
      }),
    );
  });

  it("come back also where the constructor is not used", () => {
    const entry = { type: "tool", data: { content: "rain", tool_call_id: null, additional_kwargs: null }, at: 1 };
    expect(decodeMessage(JSON.stringify(entry), 0).message).toMatchObject({ content: "rain", tool_call_id: null });
    expect(Object.keys(decodeMessage(JSON.stringify(entry), 0).message)).toContain("tool_call_id");
  });
});

function lateFields(message: BaseMessage): { fields: Record<string, unknown>; late: Record<string, unknown> } {
  const late = {
    content: message.type === "remove" ? [{ type: "text", text: "late" }] : "late",
    id: "late-id",
    name: "late-name",
    additional_kwargs: { late: 1 },
    response_metadata: { late: 2 },
    ...(message.type === "ai" && { tool_calls: [], invalid_tool_calls: [], usage_metadata: { late: 3 } }),
    ...(message.type === "tool" && { tool_call_id: "late", status: "success", artifact: 0, metadata: { late: 4 } }),
    ...(message.type === "generic" && { role: "late" }),
    unheardOf: { late: 5 },
  };
  return { fields: fieldsOf(message), late };
}

/** As text: `toDict()` has names without a value, which a text does not. */
function toDictText(message: BaseMessage): unknown {
  return JSON.parse(JSON.stringify(message.toDict()));
}

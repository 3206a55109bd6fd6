import {
  AIMessage,
  AIMessageChunk,
  type BaseMessage,
  ChatMessage,
  type ContentBlock,
  FunctionMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage,
} from "@langchain/core/messages";
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from "vitest";
import { decodeMessage } from "../../src/codec/decode.js";
import { fieldsOf, reload } from "./round-trip.js";

const blocks: ContentBlock.Standard[] = [
  { type: "text", text: "What is this?" },
  { type: "image", mimeType: "image/png", data: new Uint8Array([137, 80, 78, 71]) },
  { type: "image", url: "https://example.com/a.png" },
  { type: "audio", mimeType: "audio/wav", data: "UklGRg==" },
  { type: "reasoning", reasoning: "Let me see." },
];
const call = { type: "tool_call" as const, id: "call_1", name: "add", args: { a: 1 } };
const rawCall = { id: "call_9", type: "function" as const, function: { name: "raw", arguments: '{"b":2}' } };

let warn: MockInstance<typeof console.warn>;
beforeEach(() => {
  warn = vi.spyOn(console, "warn").mockReturnValue();
});
afterEach(() => {
  warn.mockRestore();
});

describe("content blocks", () => {
  const messages: [string, () => BaseMessage][] = [
    ["HumanMessage", () => new HumanMessage({ contentBlocks: [...blocks] })],
    ["AIMessage", () => new AIMessage({ contentBlocks: [...blocks] })],
    ["AIMessage with a call among them", () => new AIMessage({ contentBlocks: [...blocks, call] })],
    ["AIMessage with a call beside them", () => new AIMessage({ contentBlocks: [...blocks], tool_calls: [call] })],
    ["SystemMessage", () => new SystemMessage({ contentBlocks: [...blocks] })],
    ["ToolMessage", () => new ToolMessage({ contentBlocks: [...blocks], tool_call_id: "call_1" })],
    ["FunctionMessage", () => new FunctionMessage({ contentBlocks: [...blocks], name: "add" })],
    ["ChatMessage", () => new ChatMessage({ contentBlocks: [...blocks], role: "critic" })],
    ["multimodal content", () => new HumanMessage({ content: [...blocks] })],
  ];

  it.each(messages)("of %s come back, bytes as bytes", (_name, make) => {
    const message = make();
    const reloaded = reload(message);

    expect(fieldsOf(reloaded)).toStrictEqual(fieldsOf(message));
    expect(reloaded.contentBlocks).toStrictEqual(message.contentBlocks);
    expect(reloaded.contentBlocks[1]).toHaveProperty("data", new Uint8Array([137, 80, 78, 71]));
  });
});

describe("what the constructor of AIMessage would change", () => {
  const metadata = { output_version: "v1", model_provider: "openai" };
  const messages: [string, () => AIMessage | AIMessageChunk][] = [
    ["v1 text", () => new AIMessage({ content: "hello", response_metadata: metadata })],
    [
      "v1 streamed text",
      () => new AIMessageChunk({ content: [{ type: "text", text: "hel" }], response_metadata: metadata }),
    ],
    ["v1 text set late", () => Object.assign(new AIMessage("hello"), { response_metadata: metadata })],
    [
      "v1 calls that are not in the content",
      () => Object.assign(new AIMessage({ content: [...blocks], tool_calls: [call] }), { response_metadata: metadata }),
    ],
    [
      "v1 content with a call that is not among the calls",
      () => Object.assign(new AIMessage({ content: [...blocks, call] }), { response_metadata: metadata }),
    ],
    [
      "raw calls beside parsed ones",
      () => new AIMessage({ content: "", additional_kwargs: { tool_calls: [rawCall] }, tool_calls: [call] }),
    ],
    ["raw calls that were parsed", () => new AIMessage({ content: "", additional_kwargs: { tool_calls: [rawCall] } })],
    [
      "raw calls, and parsed ones removed",
      () =>
        Object.assign(new AIMessage({ content: "", additional_kwargs: { tool_calls: [rawCall] } }), { tool_calls: [] }),
    ],
    [
      "raw calls with invalid ones only",
      () => {
        const broken = { ...rawCall, function: { name: "raw", arguments: "{" } };
        return new AIMessage({ content: "", additional_kwargs: { tool_calls: [broken] } });
      },
    ],
  ];

  it.each(messages)("%s: comes back as it was", (_name, make) => {
    const message = make();
    const before = structuredClone(fieldsOf(message));
    warn.mockClear();
    const reloaded = reload(message);

    expect(fieldsOf(reloaded)).toStrictEqual(before);
    expect(fieldsOf(reload(reloaded))).toStrictEqual(before);
    expect(fieldsOf(message)).toStrictEqual(before);
    expect(reloaded.toDict().data).toMatchObject({ content: before["content"], tool_calls: before["tool_calls"] });
    expect(warn).not.toHaveBeenCalled();
  });
});

describe("an entry that another program wrote into", () => {
  it("has the content that it says, also if it has content blocks", () => {
    const message = reading({ contentBlocks: [call] });

    expect(fieldsOf(message)).toStrictEqual(fieldsOf(new AIMessage("hello")));
  });

  it("cannot replace LangChain's machinery where the constructor is got around", () => {
    const message = reading({ response_metadata: null, lc_namespace: ["x"], type: "human", text: "x", example: true });

    expect(message).toMatchObject({ lc_namespace: ["langchain_core", "messages"], type: "ai", text: "hello" });
    expect(Object.keys(message)).toEqual(Object.keys(new AIMessage("hello")));
    expect(message.lc_kwargs).toMatchObject({ example: true });
  });
});

describe("fields that someone set to null", () => {
  const fields = ["additional_kwargs", "response_metadata", "tool_calls", "invalid_tool_calls", "usage_metadata", "id"];

  it.each(fields)("%s: is null again", (field) => {
    const message = Object.assign(new AIMessage({ content: "hello", name: "ada" }), { [field]: null });

    expect(fieldsOf(reload(message))).toStrictEqual(fieldsOf(message));
  });

  it("leave the other fields of a tool message alone", () => {
    const message = new ToolMessage({ content: "1", tool_call_id: "call_1", status: "success", metadata: { took: 5 } });
    Object.assign(message, { response_metadata: null, rating: 5 });

    expect(fieldsOf(reload(message))).toStrictEqual(fieldsOf(message));
  });
});

function reading(data: object): BaseMessage {
  return decodeMessage(JSON.stringify({ type: "ai", data: { content: "hello", ...data }, at: 1 }), 0).message;
}

// What a model is shown of the past is what a provider accepts; what needs no mending is the very same messages.
// test/providers asks endpoints that keep to the providers' rules.
import { AIMessage, type AIMessageFields, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { answerable } from "../../src/messages/answerable.js";
import { interruptedTurn } from "../../src/messages/interrupted.js";

const human = new HumanMessage("Hi");
const next = new HumanMessage("And now?");
const calling = (...ids: string[]): AIMessage =>
  new AIMessage({ content: "", tool_calls: ids.map((id) => ({ id, name: "weather", args: {}, type: "tool_call" })) });
const result = (id: string): ToolMessage => new ToolMessage({ content: `result of ${id}`, tool_call_id: id });
const shown = (messages: readonly BaseMessage[]): string[] =>
  messages.map((message) =>
    ToolMessage.isInstance(message) ? `${message.tool_call_id}: ${message.status ?? "ok"}` : message.type,
  );

/** What is kept of an answer that broke off. */
const kept = (fields: AIMessageFields): unknown => {
  const [, answer] = interruptedTurn([human, new AIMessage(fields)]);
  return answer?.content;
};

describe("of an answer that broke off", () => {
  const text = { type: "text", text: "Hel" };
  const signed = { type: "thinking", thinking: "Let me…", signature: "c2ln" };

  test.each<[what: string, content: Record<string, unknown>[]]>([
    ["thinking without its signature", [{ type: "thinking", thinking: "Let me…", signature: "" }]],
    ["thinking that has none", [{ type: "thinking", thinking: "Let me…" }]],
    ["redacted thinking without data", [{ type: "redacted_thinking", data: "" }]],
    ["a server-side tool use without its result", [{ type: "server_tool_use", id: "srv", name: "web_search" }]],
    ["an MCP tool use without its result", [{ type: "mcp_tool_use", id: "mcp", name: "ask" }]],
    ["the same in output version v1", [{ type: "server_tool_call", id: "srv", name: "web_search", args: {} }]],
    ["a part of arguments", [{ type: "input_json_delta", input: '{"ci', index: 1 }]],
    ["a call that has no id yet", [{ type: "tool_call_chunk", name: "weather", args: "" }]],
    ["a text block without text", [{ type: "text", text: "" }]],
    ["Bedrock's reasoning without a signature", [{ type: "reasoning_content", reasoningText: { text: "Let me…" } }]],
    ["reasoning of output version v1", [{ type: "reasoning", reasoning: "Let me…" }]],
    ["a reasoning item of OpenAI, which does not store what broke off", [{ type: "reasoning", id: "rs_1" }]],
    ["signed thinking with nothing after it", [signed]],
    ["what v1 has no name for", [{ type: "non_standard", value: { type: "mcp_tool_use", id: "mcp" } }]],
  ])("%s is not kept: alone it leaves no message, else the rest", (_what, content) => {
    expect(kept({ content: content as never })).toBeUndefined();
    expect(kept({ content: [text, ...content] as never })).toEqual([text]);
  });

  test.each<[what: string, content: Record<string, unknown>[]]>([
    ["signed thinking before cut text", [signed, text]],
    ["redacted thinking before cut text", [{ type: "redacted_thinking", data: "c2ln" }, text]],
    [
      "a server-side tool use with its result",
      [{ type: "server_tool_use", id: "srv" }, { type: "web_search_tool_result", tool_use_id: "srv" }, text],
    ],
    [
      "the same in output version v1",
      [{ type: "server_tool_call", id: "srv" }, { type: "server_tool_call_result", toolCallId: "srv" }, text],
    ],
    [
      "Bedrock's reasoning, which has its signature in a block of its own",
      [
        { type: "reasoning_content", reasoningText: { text: "Let " } },
        { type: "reasoning_content", reasoningText: { text: "me" } },
        { type: "reasoning_content", reasoningText: { signature: "c2ln" } },
        text,
      ],
    ],
    ["encrypted reasoning before text", [{ type: "reasoning", encrypted_content: "c2ln" }, text]],
  ])("%s is kept", (_what, content) => {
    expect(kept({ content: content as never })).toEqual(content);
  });

  test("thoughts of Google are kept without a signature, which its API does not ask for", () => {
    const content = [{ type: "thinking", thinking: "Let me…" }, text];
    expect(kept({ content, response_metadata: { model_provider: "google-genai" } })).toEqual(content);
  });

  test("a finished answer before it keeps every block", () => {
    const before = new AIMessage({ content: [signed], tool_calls: calling("a").tool_calls ?? [] });
    const [, first] = interruptedTurn([human, before, result("a"), new AIMessage("Hel")]);
    expect(first).toBe(before);
  });
});

describe("of the past, a model is shown", () => {
  test("an error as the result of a call that nobody answered, invalid ones included", () => {
    expect(shown(answerable([human, calling("a", "b"), result("b"), next]))).toEqual(["human", "ai", "b: ok", "a: error", "human"]); // prettier-ignore
    const cut = new AIMessage({
      content: "",
      tool_calls: calling("a").tool_calls ?? [],
      invalid_tool_calls: [{ id: "b", name: "weather", args: '{"ci', type: "invalid_tool_call" }],
      response_metadata: { finish_reason: "length" },
    });
    const [, answer, ...others] = answerable([human, cut, result("a"), next]);
    expect(shown(others)).toEqual(["a: ok", "b: error", "human"]);
    // Packages differ in which invalid calls they send, and a result without its call is refused.
    expect((answer as AIMessage).tool_calls?.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(cut.invalid_tool_calls).toHaveLength(1);
  });

  test("a server-side tool use whose result stands in the next answer, but not before a question", () => {
    const use = { type: "server_tool_use", id: "srv", name: "web_search", input: {} };
    const paused = new AIMessage({ content: [{ type: "text", text: "I look." }, use] });
    const found = new AIMessage({ content: [{ type: "web_search_tool_result", tool_use_id: "srv", content: [] }] });
    expect(answerable([human, paused, found])).toEqual([human, paused, found]);
    expect(answerable([human, paused])).toEqual([human, paused]);
    expect(answerable([human, paused, next])[1]?.content).toEqual([{ type: "text", text: "I look." }]);
    const mixed = new AIMessage({ content: [use], tool_calls: calling("a").tool_calls ?? [] });
    expect(answerable([human, mixed, result("a"), found])[1]).toBe(mixed);
  });

  test("a call's stand-in with the same id each time, since a checkpointer tells messages apart by it", () => {
    const past = [human, new AIMessage({ content: "", id: "answer", tool_calls: calling("a").tool_calls ?? [] }), next];
    const ids = [past, [...past, new AIMessage("Hm.")]].map((shownPast) => answerable(shownPast)[2]?.id);
    expect(ids).toEqual(["no-result-answer-a", "no-result-answer-a"]);
  });

  test("the result of a built-in tool whose call is among the items of the answer only", () => {
    const items = { tool_outputs: [{ type: "computer_call", id: "cu_1", call_id: "call_1", action: {} }] };
    const answer = new AIMessage({ content: "", additional_kwargs: items });
    expect(answerable([human, answer, result("call_1"), next])).toHaveLength(4);
  });

  test("what others wrote with null in it", () => {
    const odd = new AIMessage({ content: [{ type: "text", text: "Hm." }] });
    Object.assign(odd, {
      tool_calls: null,
      invalid_tool_calls: null,
      additional_kwargs: null,
      response_metadata: null,
    });
    expect(answerable([human, odd, next])).toHaveLength(3);
    const raw = new AIMessage({ content: "Hm.", additional_kwargs: { tool_calls: null as never } });
    expect(interruptedTurn([human, raw])).toHaveLength(2);
  });

  test("no error where the result is said now", () => {
    const past = [human, calling("a", "b")];
    expect(shown(answerable(past, [result("b"), result("a")]))).toEqual(["human", "ai"]);
    expect(shown(answerable(past, [result("b")]))).toEqual(["human", "ai", "a: error"]);
    expect(shown(answerable(past, [next, result("b")]))).toEqual(["human", "ai", "a: error", "b: error"]);
  });

  test("a late result behind its call, and none without a call", () => {
    const late = result("a");
    expect(answerable([human, calling("a"), next, late, new AIMessage("Rain")]).at(2)).toBe(late);
    expect(shown(answerable([result("a"), human, new AIMessage("Rain"), result("b")]))).toEqual(["human", "ai"]);
  });

  test.each<[what: string, answer: AIMessage]>([
    ["an empty text", new AIMessage("")],
    ["no blocks", new AIMessage({ content: [] })],
    ["a text block without text", new AIMessage({ content: [{ type: "text", text: " " }] })],
    ["a refusal without words", new AIMessage({ content: [{ type: "refusal", refusal: "" }] })],
    ["only reasoning", new AIMessage({ content: [{ type: "reasoning", reasoning: "Let me…" }] })],
    [
      "an output of only reasoning",
      new AIMessage({ content: "", response_metadata: { output: [{ type: "reasoning", id: "rs_1", summary: [] }] } }),
    ],
  ])("no answer that holds %s", (_what, answer) => {
    expect(answerable([human, answer, next])).toEqual([human, next]);
  });

  test.each<[what: string, answer: AIMessage]>([
    ["a refusal", new AIMessage({ content: "", additional_kwargs: { refusal: "No." } })],
    ["spoken words", new AIMessage({ content: "", additional_kwargs: { audio: { id: "audio_1" } } })],
    [
      "a request to approve a tool",
      new AIMessage({ content: [], response_metadata: { output: [{ type: "mcp_approval_request", id: "mcpr_1" }] } }),
    ],
    [
      "an image",
      new AIMessage({ content: [], additional_kwargs: { tool_outputs: [{ type: "image_generation_call" }] } }),
    ],
  ])("an answer whose content is empty, and that holds %s", (_what, answer) => {
    expect(answerable([human, answer, next])[1]).toBe(answer);
  });

  test.each(["finish_reason", "stop_reason", "stopReason", "finishReason"])(
    "whole blocks only of an answer that the token limit cut, as %s tells",
    (name) => {
      const thinking = { type: "thinking", thinking: "Let me…", signature: "" };
      for (const place of ["response_metadata", "additional_kwargs"]) {
        const told = { [place]: { [name]: name === "finish_reason" ? "length" : "max_tokens" } };
        expect(answerable([human, new AIMessage({ content: [thinking], ...told }), next])).toEqual([human, next]);
      }
    },
  );

  test("the very same messages when there is nothing to mend", () => {
    const ids = fc.constantFrom("a", "b", "c");
    const rain = new AIMessage({
      content: [
        { type: "thinking", thinking: "Let me…" },
        { type: "text", text: "Rain" },
      ],
    });
    const turn = fc.oneof(
      fc.constant([human, new AIMessage("Hello")]),
      fc
        .uniqueArray(ids, { minLength: 1 })
        .map((called) => [human, calling(...called)].concat(called.toReversed().map(result) as never, rain)),
    );
    fc.assert(
      fc.property(fc.array(turn), (turns) => {
        const past = turns.flat();
        const mended = answerable(past);
        expect(mended.length).toBe(past.length);
        expect(mended.every((message, index) => message === past[index])).toBe(true);
      }),
    );
  });

  test("each call is followed by its result, and each result follows its call, with any past", () => {
    const ids = fc.constantFrom("a", "b", "c");
    const step = fc.oneof(
      fc.uniqueArray(ids, { minLength: 1 }).map((called) => calling(...called)),
      ids.map(result),
      fc.constantFrom("", "text").map((text) => new AIMessage(text)),
      fc.constant(human),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 10 }), (past) => {
        let open: string[] = [];
        for (const message of [...answerable(past), next]) {
          if (ToolMessage.isInstance(message)) {
            expect(open).toContain(message.tool_call_id);
            open = open.filter((id) => id !== message.tool_call_id);
            continue;
          }
          expect(open).toEqual([]);
          if (AIMessage.isInstance(message)) open = (message.tool_calls ?? []).map(({ id }) => String(id));
        }
      }),
    );
  });
});

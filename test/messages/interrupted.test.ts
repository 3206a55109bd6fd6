// What is stored of an interrupted turn is what a provider accepts: each call with its result, no empty answer.
import { AIMessage, type BaseMessage, FunctionMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interruptedTurn } from "../../src/messages/interrupted.js";
import { acceptablePart } from "../../src/messages/window.js";

const human = new HumanMessage("Hi");
const calling = (...ids: string[]): AIMessage =>
  new AIMessage({ content: "", tool_calls: ids.map((id) => ({ id, name: "weather", args: {}, type: "tool_call" })) });
const result = (id: string): ToolMessage => new ToolMessage({ content: `result of ${id}`, tool_call_id: id });
const shown = (messages: readonly BaseMessage[]): string[] =>
  messages.map((message) => {
    if (ToolMessage.isInstance(message)) return `${message.tool_call_id}: ${message.status ?? "ok"}`;
    return message.type;
  });

describe("an interrupted turn", () => {
  test("is marked at its end, and at each result that was put in", () => {
    const messages = interruptedTurn([human, calling("a", "b"), result("a")]);
    expect(shown(messages)).toEqual(["human", "ai", "a: ok", "b: error"]);
    expect(messages.map(({ response_metadata }) => response_metadata["interrupted"])).toEqual([
      undefined,
      undefined,
      true,
      true,
    ]);
  });

  test("has each result behind its call, once, in the order of the calls", () => {
    const messages = interruptedTurn([human, calling("a", "b"), result("b"), result("a"), new AIMessage("Rain")]);
    expect(shown(messages)).toEqual(["human", "ai", "a: ok", "b: ok", "ai"]);
  });

  test("answers invalid and unparsed calls, and those of the older form", () => {
    const invalid = new AIMessage({ content: "", invalid_tool_calls: [{ id: "a", name: "weather", args: "{" }] });
    expect(shown(interruptedTurn([human, invalid]))).toEqual(["human", "ai", "a: error"]);
    const raw = { tool_calls: [{ id: "b", type: "function" as const, function: { name: "weather", arguments: "{" } }] };
    expect(shown(interruptedTurn([human, new AIMessage({ content: "", additional_kwargs: raw })]))).toContain(
      "b: error",
    );
    const older = new AIMessage({ content: "", additional_kwargs: { function_call: { name: "f", arguments: "" } } });
    const [, , answer] = interruptedTurn([human, older]);
    expect(answer).toBeInstanceOf(FunctionMessage);
    expect(answer?.name).toBe("f");
  });

  test("leaves out calls that have no id yet, which nothing could answer", () => {
    const begun = new AIMessage({
      content: "Let me see.",
      tool_calls: [{ name: "weather", args: {}, type: "tool_call" }],
      invalid_tool_calls: [{ name: "weather", args: "{" }],
    });
    const [, ai, ...others] = interruptedTurn([human, begun]);
    expect(ai).toMatchObject({ content: "Let me see.", tool_calls: [], invalid_tool_calls: [] });
    expect(others).toEqual([]);
  });

  test("keeps a result whose call is stored already", () => {
    expect(shown(interruptedTurn([result("a")]))).toEqual(["a: ok"]);
  });

  test("may be empty, and is then nothing", () => {
    expect(interruptedTurn([])).toEqual([]);
    expect(interruptedTurn([new AIMessage("")])).toEqual([]);
  });

  test("leaves the caller's messages as they are", () => {
    const messages = [new HumanMessage("Hi"), calling("a")];
    interruptedTurn(messages);
    expect(messages.every(({ response_metadata }) => response_metadata["interrupted"] === undefined)).toBe(true);
  });

  test("is accepted by the check of what a provider accepts, wherever it was cut", () => {
    const ids = fc.constantFrom("a", "b", "c");
    const step = fc.oneof(
      fc.uniqueArray(ids, { minLength: 1 }).map((called) => calling(...called)),
      ids.map(result),
      fc.constantFrom("", " ", "text").map((text) => new AIMessage(text)),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        const kept = interruptedTurn([human, ...steps]);
        const accepted = acceptablePart(kept);
        // Results without any call are not of this turn; everything else has to be accepted.
        const withoutStrays = kept.filter((message) => accepted.includes(message) || message.type !== "tool");
        expect(accepted).toEqual(withoutStrays);
      }),
    );
  });
});

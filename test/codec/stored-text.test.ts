import {
  AIMessage,
  type BaseMessage,
  HumanMessage,
  mapStoredMessagesToChatMessages,
  type StoredMessage,
  ToolMessage,
} from "@langchain/core/messages";
import { describe, expect, it } from "vitest";
import { decodeMessage } from "../../src/codec/decode.js";
import { APPENDED_AT, fieldsOf, storedText } from "./round-trip.js";

const messages: [string, BaseMessage][] = [
  ["a question", new HumanMessage("How tall is the Eiffel Tower?")],
  ["an answer", new AIMessage("It is 330 metres tall, about as tall as a building of 81 storeys.")],
  [
    "a call",
    new AIMessage({ content: "", tool_calls: [{ name: "height", args: { of: "Eiffel Tower" }, id: "call_1" }] }),
  ],
  ["a result", new ToolMessage({ content: "330", tool_call_id: "call_1", name: "height", status: "success" })],
];

describe("the stored text", () => {
  it("holds what was set and nothing that is empty", () => {
    expect(storedText(new AIMessage({ content: "", id: "a", additional_kwargs: {}, tool_calls: [] }))).toBe(
      `{"type":"ai","data":{"id":"a","content":""},"at":${APPENDED_AT}}`,
    );
  });

  it.each(messages)("of %s takes at most 93 % of what LangChain's own takes", (_name, message) => {
    expect(storedText(message).length).toBeLessThanOrEqual(0.93 * JSON.stringify(message.toDict()).length);
  });

  it.each(messages)("of %s is readable by LangChain itself", (_name, message) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what another reader would assume
    const entry = JSON.parse(storedText(message)) as StoredMessage;
    const [read] = mapStoredMessagesToChatMessages([entry]);

    expect(read).toBeInstanceOf(message.constructor);
    expect(read && fieldsOf(read)).toEqual(fieldsOf(message));
  });

  it("tells when it was appended", () => {
    expect(decodeMessage(storedText(new HumanMessage("hello")), 0).at).toBe(APPENDED_AT);
  });
});

import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";

const sentence = "The quick brown fox jumps over the lazy dog. ";

/** A question of 90 characters and an answer of 405, with what a provider tells along with it. */
export function typicalTurn(): BaseMessage[] {
  return turnOf(1);
}

/** A turn whose texts are so many times as long as the typical ones. */
export function turnOf(size: number): BaseMessage[] {
  const text = (sentences: number): string =>
    sentence.repeat(Math.ceil(sentences * size)).slice(0, Math.round(sentence.length * sentences * size));
  return [
    new HumanMessage(text(2)),
    new AIMessage({
      content: text(9),
      id: "chatcmpl-0123456789",
      response_metadata: { model_name: "some-model-2026", finish_reason: "stop", system_fingerprint: "fp_0123456789" },
      usage_metadata: { input_tokens: 812, output_tokens: 96, total_tokens: 908 } as never,
    }),
  ];
}

/** As many messages, in typical turns. */
export function conversationOf(length: number): BaseMessage[] {
  return Array.from({ length: length / 2 }, typicalTurn).flat();
}

/** A typical turn, and one with two calls of a tool. */
export function mixedMessages(): BaseMessage[] {
  const call = (id: string) => ({
    id,
    name: "search",
    args: { query: sentence, limit: 10 },
    type: "tool_call" as const,
  });
  return [
    ...typicalTurn(),
    new HumanMessage(sentence),
    new AIMessage({ content: "", tool_calls: [call("call_1"), call("call_2")] }),
    new ToolMessage({ content: sentence.repeat(6), tool_call_id: "call_1", name: "search" }),
    new ToolMessage({ content: sentence.repeat(6), tool_call_id: "call_2", name: "search" }),
    ...typicalTurn().slice(1),
  ];
}

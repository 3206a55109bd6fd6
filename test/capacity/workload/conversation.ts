import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { draw } from "./spread.js";
import { idOf, textOf, type WriteText } from "./text.js";
import type { World } from "./world.js";

/** The texts of a turn, in bytes. */
export interface Turn {
  readonly question: number;
  readonly answer: number;
  /** Of a turn that calls a tool. */
  readonly toolResult?: number | undefined;
}

export function drawTurn(world: World, random: () => number): Turn {
  return {
    question: draw(world.questionBytes, random),
    answer: draw(world.answerBytes, random),
    toolResult: random() < world.toolTurns ? draw(world.toolResultBytes, random) : undefined,
  };
}

export function drawConversation(world: World, random: () => number): Turn[] {
  return Array.from({ length: draw(world.turnsPerConversation, random) }, () => drawTurn(world, random));
}

export function messagesIn(turns: readonly Turn[]): number {
  return turns.reduce((total, { toolResult }) => total + (toolResult === undefined ? 2 : 4), 0);
}

/** Of the texts: what surrounds them in Redis is what a run finds out. */
export function bytesIn(turns: readonly Turn[]): number {
  return turns.reduce((total, { question, answer, toolResult = 0 }) => total + question + answer + toolResult, 0);
}

/** With what a provider tells along with an answer. */
export function messagesOf(
  { question, answer, toolResult }: Turn,
  random: () => number,
  write: WriteText = textOf,
): BaseMessage[] {
  const said = new HumanMessage(write(question, random));
  const answered = new AIMessage({ content: write(answer, random), ...toldBesides(random) });
  if (toolResult === undefined) return [said, answered];
  const id = `call_${idOf(24, random)}`;
  return [
    said,
    new AIMessage({
      content: "",
      tool_calls: [{ id, name: "search", args: { query: write(30, random), limit: 10 }, type: "tool_call" }],
      ...toldBesides(random),
    }),
    new ToolMessage({ content: write(toolResult, random), tool_call_id: id, name: "search" }),
    answered,
  ];
}

function toldBesides(random: () => number) {
  return {
    id: `chatcmpl-${idOf(29, random)}`,
    response_metadata: { model_name: "some-model-2026", finish_reason: "stop", system_fingerprint: "fp_0123456789" },
    usage_metadata: { input_tokens: 812, output_tokens: 196, total_tokens: 1_008 } as never,
  };
}

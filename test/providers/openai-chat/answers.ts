// What OpenAI's Chat Completions API answers, whole and event by event.
import type { Answer, Answers, Frame } from "../support/api.js";
import { newId, pieces, sse } from "../support/pieces.js";

interface Call {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

interface Shape {
  readonly content?: string;
  readonly refusal?: string;
  readonly calls?: readonly Call[];
  readonly finish?: string;
}

const TEXT = "It rains in Oslo.";
const call = (args = '{"city":"Oslo"}'): Call => ({ id: newId("call_"), name: "weather", arguments: args });

const shapes: Readonly<Record<string, () => Shape>> = {
  text: () => ({ content: TEXT }),
  "text, then a call": () => ({ content: "I look it up.", calls: [call()], finish: "tool_calls" }),
  "two calls": () => ({ calls: [call(), call('{"city":"Bergen"}')], finish: "tool_calls" }),
};

const stoppingShapes: Readonly<Record<string, () => Shape>> = {
  "a call cut at the token limit": () => ({ calls: [call('{"city":"Os')], finish: "length" }),
  "text, then a malformed call": () => ({ content: "I look.", calls: [call('{"city": Oslo}')], finish: "tool_calls" }),
  "two calls, the second cut at the token limit": () => ({ calls: [call(), call('{"city":"Be')], finish: "length" }),
  "two calls, the second malformed": () => ({ calls: [call(), call('{"city": Oslo}')], finish: "tool_calls" }),
  // OpenAI accepts an empty message, and others do not: it is left out of what is sent.
  nothing: () => ({ content: "" }),
  // LangChain keeps no refusal of this API.
  refusal: () => ({ refusal: "I can't help with that." }),
};

const madeOf = (of: typeof shapes): Answers =>
  Object.fromEntries(Object.entries(of).map(([name, shape]) => [name, () => answerOf(name, shape())]));

export const answers: Answers = madeOf(shapes);
export const stopping: Answers = madeOf(stoppingShapes);

function answerOf(name: string, { content, refusal, calls = [], finish = "stop" }: Shape): Answer {
  const head = { id: newId("chatcmpl-"), created: 1_700_000_000, model: "gpt-5", system_fingerprint: "fp_1" };
  const usage = { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 };
  const raw = calls.map(({ id, ...called }) => ({ id, type: "function", function: called }));
  const message = {
    role: "assistant",
    content: content ?? null,
    refusal: refusal ?? null,
    ...(raw.length > 0 && { tool_calls: raw }),
  };
  const chunk = (kind: string, delta: object, finish_reason: string | null = null): Frame =>
    sse(kind, {
      ...head,
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    });
  return {
    name,
    whole: JSON.stringify({
      ...head,
      object: "chat.completion",
      choices: [{ index: 0, message, logprobs: null, finish_reason: finish }],
      usage,
    }),
    frames: [
      chunk("role", { role: "assistant", content: calls.length > 0 ? null : "", refusal: null }),
      ...pieces(content ?? "").map((piece) => chunk("text", { content: piece })),
      ...pieces(refusal ?? "").map((piece) => chunk("refusal", { refusal: piece })),
      ...calls.flatMap((called, index) => callFrames(called, index, chunk)),
      chunk("finish", {}, finish),
      sse("usage", { ...head, object: "chat.completion.chunk", choices: [], usage }),
      sse("done", "[DONE]"),
    ],
  };
}

function callFrames(
  { id, name, arguments: args }: Call,
  index: number,
  chunk: (kind: string, delta: object) => Frame,
): Frame[] {
  const begun = { index, id, type: "function", function: { name, arguments: "" } };
  return [
    chunk(`call ${index}`, { tool_calls: [begun] }),
    ...pieces(args).map((piece) =>
      chunk(`arguments ${index}`, { tool_calls: [{ index, function: { arguments: piece } }] }),
    ),
  ];
}

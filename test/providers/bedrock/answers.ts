// What Claude answers by way of Amazon Bedrock's Converse API, whole and event by event.
import type { Answer, Answers, Frame } from "../support/api.js";
import { newId, pieces, signatureOf } from "../support/pieces.js";
import { event } from "./event-stream.js";

type Block = Readonly<Record<string, unknown>> & {
  readonly text?: string;
  readonly toolUse?: { readonly toolUseId: string; readonly name: string; readonly input: object };
  readonly reasoningContent?: {
    readonly reasoningText?: { readonly text: string; readonly signature: string };
    readonly redactedContent?: string;
  };
};

interface Shape {
  readonly content: readonly Block[];
  readonly stop?: string;
  /** The JSON of a call's arguments, where the answer stops before they are complete. */
  readonly brokenInput?: string;
}

const THOUGHT = "The user asks about Oslo.";
const text = (said = "It rains in Oslo."): Block => ({ text: said });
const call = (city = "Oslo"): Block => ({
  toolUse: { toolUseId: newId("tooluse_"), name: "weather", input: { city } },
});
const thinking = (): Block => ({
  reasoningContent: { reasoningText: { text: THOUGHT, signature: signatureOf(THOUGHT) } },
});
const redacted = (): Block => ({
  reasoningContent: { redactedContent: Buffer.from("redacted").toString("base64") },
});

const shapes: Readonly<Record<string, () => Shape>> = {
  text: () => ({ content: [text()] }),
  "text, then a call": () => ({ content: [text("I look it up."), call()], stop: "tool_use" }),
  "two calls": () => ({ content: [call(), call("Bergen")], stop: "tool_use" }),
  "thinking, then text": () => ({ content: [thinking(), text()] }),
  "thinking, then a call": () => ({ content: [thinking(), call()], stop: "tool_use" }),
  "redacted thinking, then text": () => ({ content: [redacted(), text()] }),
  refusal: () => ({ content: [text("I can't help with that.")], stop: "guardrail_intervened" }),
};

const stoppingShapes: Readonly<Record<string, () => Shape>> = {
  nothing: () => ({ content: [] }),
  "white space": () => ({ content: [text("\n\n")] }),
  "thinking, then white space and text": () => ({ content: [thinking(), text("\n\nIt rains.")] }),
  "thinking up to the token limit": () => ({ content: [thinking()], stop: "max_tokens" }),
  "a call cut at the token limit": () => ({ content: [call()], stop: "max_tokens", brokenInput: '{"city":"Os' }),
};

const madeOf = (of: typeof shapes): Answers =>
  Object.fromEntries(Object.entries(of).map(([name, shape]) => [name, () => answerOf(name, shape())]));

export const answers: Answers = madeOf(shapes);
export const stopping: Answers = madeOf(stoppingShapes);

function answerOf(name: string, { content, stop = "end_turn", brokenInput }: Shape): Answer {
  const usage = { inputTokens: 10, outputTokens: 20, totalTokens: 30 };
  const frames = [
    event("messageStart", { role: "assistant" }),
    ...content.flatMap((block, index) => framesOf(block, index, brokenInput)),
    event("messageStop", { stopReason: stop }),
    event("metadata", { usage, metrics: { latencyMs: 1 } }),
  ];
  const said = frames.findIndex(({ kind }) => kind === "text");
  const signature = content.find(({ reasoningContent }) => reasoningContent)?.reasoningContent?.reasoningText
    ?.signature;
  return {
    name,
    whole: JSON.stringify({
      output: { message: { role: "assistant", content } },
      stopReason: stop,
      usage,
      metrics: { latencyMs: 1 },
    }),
    frames,
    signed: signature !== undefined && said !== -1 ? { signature, from: said + 1 } : undefined,
  };
}

function framesOf(block: Block, contentBlockIndex: number, brokenInput: string | undefined): Frame[] {
  const { toolUse } = block;
  const deltas = deltasOf(block, brokenInput).map(({ kind, delta }) =>
    event("contentBlockDelta", { contentBlockIndex, delta }, kind),
  );
  const { input: _input, ...start } = toolUse ?? {};
  return [
    ...(toolUse ? [event("contentBlockStart", { contentBlockIndex, start: { toolUse: start } })] : []),
    ...deltas,
    event("contentBlockStop", { contentBlockIndex }, "end"),
  ];
}

function deltasOf(
  { text: said, toolUse, reasoningContent }: Block,
  brokenInput?: string,
): { kind: string; delta: object }[] {
  if (said !== undefined) {
    return pieces(said).map((piece) => ({
      kind: piece.trim() === "" ? "white space" : "text",
      delta: { text: piece },
    }));
  }
  if (toolUse) {
    const input = brokenInput ?? JSON.stringify(toolUse.input);
    return pieces(input).map((piece) => ({ kind: "input", delta: { toolUse: { input: piece } } }));
  }
  const { reasoningText, redactedContent } = reasoningContent ?? {};
  if (redactedContent !== undefined) return [{ kind: "redacted", delta: { reasoningContent: { redactedContent } } }];
  const { text: thought = "", signature } = reasoningText ?? {};
  return [
    ...pieces(thought).map((piece) => ({ kind: "thought", delta: { reasoningContent: { text: piece } } })),
    { kind: "signature", delta: { reasoningContent: { signature } } },
  ];
}

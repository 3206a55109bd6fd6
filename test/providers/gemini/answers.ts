// What Gemini answers, whole and event by event: each event of a stream is an answer with a part of the parts.
import type { Answer, Answers, Frame } from "../support/api.js";
import { newId, pieces, signatureOf, sse } from "../support/pieces.js";

type Part = Readonly<Record<string, unknown>>;

interface Shape {
  readonly parts?: readonly Part[];
  readonly finish?: string;
}

const THOUGHT = "The user asks about Oslo.";
const text = (said = "It rains in Oslo."): Part => ({ text: said });
const call = (city = "Oslo"): Part => ({ functionCall: { name: "weather", args: { city } } });
const signedCall = (): Part => ({ ...call(), thoughtSignature: signatureOf(newId("")) });
const thought = (): Part => ({ text: THOUGHT, thought: true });

const shapes: Readonly<Record<string, () => Shape>> = {
  text: () => ({ parts: [text()] }),
  "text, then a call": () => ({ parts: [text("I look it up."), signedCall()] }),
  "two calls": () => ({ parts: [signedCall(), call("Bergen")] }),
  "thinking, then text": () => ({ parts: [thought(), text()] }),
  "thinking, then a call": () => ({ parts: [thought(), signedCall()] }),
};

const stoppingShapes: Readonly<Record<string, () => Shape>> = {
  // google-genai takes no code back that it was given (`{ type: "executableCode" }` is fine, `inlineData` is not).
  "nothing but the end": () => ({ parts: [], finish: "MAX_TOKENS" }),
  refusal: () => ({ finish: "SAFETY" }),
  "thinking up to the token limit": () => ({ parts: [thought()], finish: "MAX_TOKENS" }),
  "a malformed call": () => ({ finish: "MALFORMED_FUNCTION_CALL" }),
};

const madeOf = (of: typeof shapes): Answers =>
  Object.fromEntries(Object.entries(of).map(([name, shape]) => [name, () => answerOf(name, shape())]));

export const answers: Answers = madeOf(shapes);
export const stopping: Answers = madeOf(stoppingShapes);

function answerOf(name: string, { parts, finish = "STOP" }: Shape): Answer {
  const head = {
    modelVersion: "gemini-3-pro-preview",
    responseId: newId("response-"),
    usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 20, totalTokenCount: 30 },
  };
  const body = (some: readonly Part[] | undefined, finishReason?: string): object => ({
    candidates: [
      { ...(some && { content: { role: "model", parts: some } }), ...(finishReason && { finishReason }), index: 0 },
    ],
    ...head,
  });
  const frames: Frame[] = (parts ?? []).flatMap((part) => {
    const kind = part["thought"] === true ? "thought" : Object.keys(part)[0];
    return streamed(part).map((each) => sse(String(kind), body([each])));
  });
  return {
    name,
    whole: JSON.stringify(body(parts, finish)),
    frames: [...frames, sse("finish", body(parts && [{ text: "" }], finish))],
  };
}

/** Text comes in pieces, a call as it is. */
function streamed(part: Part): Part[] {
  const { text: said } = part;
  if (typeof said !== "string") return [part];
  return pieces(said).map((piece) => Object.assign({}, part, { text: piece }));
}

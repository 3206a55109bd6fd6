// What Claude answers, whole and event by event.
import type { Answer, Answers, Frame } from "../support/api.js";
import { newId, pieces, signatureOf, sse } from "../support/pieces.js";

type Fields = Readonly<Record<string, unknown>>;

interface Shape {
  readonly content: readonly Fields[];
  readonly stop?: string;
  /** The JSON of a call's arguments, where the answer stops before they are complete. */
  readonly brokenInput?: string;
}

/** The kind of an event with which the answer says something. */
const SAYS = "says";
const THOUGHT = "The user asks about Oslo.";
const text = (said = "It rains in Oslo."): Fields => ({ type: "text", text: said });
const call = (city = "Oslo"): Fields => ({
  type: "tool_use",
  id: newId("toolu_"),
  name: "weather",
  input: { city },
});
const thinking = (): Fields => ({ type: "thinking", thinking: THOUGHT, signature: signatureOf(THOUGHT) });
const redacted = (): Fields => ({ type: "redacted_thinking", data: newId("redacted-") });

function search(): Fields[] {
  const id = newId("srvtoolu_");
  const found = {
    type: "web_search_result",
    title: "Oslo",
    url: "https://oslo.example",
    encrypted_content: "abc",
    page_age: null,
  };
  return [
    { type: "server_tool_use", id, name: "web_search", input: { query: "weather in Oslo" } },
    { type: "web_search_tool_result", tool_use_id: id, content: [found] },
  ];
}

const shapes: Readonly<Record<string, () => Shape>> = {
  text: () => ({ content: [text()] }),
  "white space, then text": () => ({ content: [thinking(), text("\n\nIt rains in Oslo.")] }),
  "text, then a call": () => ({ content: [text(), call()], stop: "tool_use" }),
  "two calls": () => ({ content: [call("Oslo"), call("Bergen")], stop: "tool_use" }),
  "thinking, then text": () => ({ content: [thinking(), text()] }),
  "thinking, then a call": () => ({ content: [thinking(), call()], stop: "tool_use" }),
  "redacted thinking, then text": () => ({ content: [redacted(), text()] }),
  "a search, then text": () => ({ content: [text("I look it up."), ...search(), text()] }),
};

const stoppingShapes: Readonly<Record<string, () => Shape>> = {
  nothing: () => ({ content: [] }),
  refusal: () => ({ content: [], stop: "refusal" }),
  "thinking up to the token limit": () => ({ content: [thinking()], stop: "max_tokens" }),
  "a call cut at the token limit": () => ({
    content: [{ ...call(), input: {} }],
    stop: "max_tokens",
    brokenInput: '{"city":"Os',
  }),
  "a search that pauses": () => ({ content: [text("I look it up."), ...search().slice(0, 1)], stop: "pause_turn" }),
};

const madeOf = (of: typeof shapes): Answers =>
  Object.fromEntries(Object.entries(of).map(([name, shape]) => [name, () => answerOf(name, shape())]));

export const answers: Answers = madeOf(shapes);
export const stopping: Answers = madeOf(stoppingShapes);

function answerOf(name: string, { content, stop = "end_turn", brokenInput }: Shape): Answer {
  const message = {
    id: newId("msg_"),
    type: "message",
    role: "assistant",
    model: "claude-sonnet-4-5",
    stop_sequence: null,
  };
  const usage = { input_tokens: 10, output_tokens: 1 };
  const frames = [
    event({ type: "message_start", message: { ...message, content: [], stop_reason: null, usage } }),
    ...content.flatMap((block, index) => framesOf(block, index, brokenInput)),
    event({
      type: "message_delta",
      delta: { stop_reason: stop, stop_sequence: null },
      usage: { output_tokens: 20 },
    }),
    event({ type: "message_stop" }),
  ];
  const said = frames.findIndex(({ kind }) => kind === SAYS);
  const signature = content.find(({ type }) => type === "thinking")?.["signature"];
  return {
    name,
    whole: JSON.stringify({ ...message, content, stop_reason: stop, usage: { ...usage, output_tokens: 20 } }),
    frames,
    signed: typeof signature === "string" && said !== -1 ? { signature, from: said + 1 } : undefined,
  };
}

/** Named by its type, as Anthropic does; cuts tell apart which block it belongs to. */
function event({ type, ...data }: Fields & { readonly type: string }, kind = type): Frame {
  return sse(kind, { type, ...data }, type);
}

function framesOf(block: Fields, index: number, brokenInput: string | undefined): Frame[] {
  const type = String(block["type"]);
  const blank = { text: { ...block, text: "" }, thinking: { ...block, thinking: "", signature: "" } }[type];
  const begun = blank ?? ("input" in block ? { ...block, input: {} } : block);
  return [
    event({ type: "content_block_start", index, content_block: begun }, `start of ${type}`),
    ...deltasOf(block, brokenInput).map((delta) => event({ type: "content_block_delta", index, delta }, kindOf(delta))),
    event({ type: "content_block_stop", index }, "end"),
  ];
}

/** Text that is no white space is another kind. */
function kindOf({ type, text: said }: Fields): string {
  return typeof said === "string" && said.trim() !== "" ? SAYS : String(type);
}

function deltasOf({ type, text: said, thinking: thought, signature, input }: Fields, brokenInput?: string): Fields[] {
  if (type === "text") return pieces(String(said)).map((piece) => ({ type: "text_delta", text: piece }));
  if (type === "thinking") {
    const thoughts = pieces(String(thought)).map((piece) => ({ type: "thinking_delta", thinking: piece }));
    return [...thoughts, { type: "signature_delta", signature }];
  }
  if (input === undefined) return [];
  return ["", ...pieces(brokenInput ?? JSON.stringify(input))].map((piece) => ({
    type: "input_json_delta",
    partial_json: piece,
  }));
}

// What OpenAI's Responses API answers, whole and event by event.
import type { Answer, Answers, Frame } from "../support/api.js";
import { newId, pieces, sse } from "../support/pieces.js";

type Item = Readonly<Record<string, unknown>> & { readonly type: string; readonly id: string };
type Retention = "kept" | "zero";

interface Shape {
  readonly output: readonly Item[];
  readonly status?: "completed" | "incomplete";
}

const CITY = '{"city":"Oslo"}';
const part = (text: string, annotations: readonly object[] = []): object => ({
  type: "output_text",
  text,
  annotations,
  logprobs: [],
});
const message = (...content: readonly object[]): Item => ({
  type: "message",
  id: newId("msg_"),
  role: "assistant",
  status: "completed",
  content,
});
const text = (said = "It rains in Oslo."): Item => message(part(said));
const call = (args = CITY, status = "completed"): Item => ({
  type: "function_call",
  id: newId("fc_"),
  call_id: newId("call_"),
  name: "weather",
  arguments: args,
  status,
});
const reasoning = (retention: Retention): Item => ({
  type: "reasoning",
  id: newId("rs_"),
  summary: [{ type: "summary_text", text: "The user asks about Oslo." }],
  ...(retention === "zero" && { encrypted_content: newId("encrypted-") }),
});
const search = (): Item => ({
  type: "web_search_call",
  id: newId("ws_"),
  status: "completed",
  action: { type: "search", query: "weather in Oslo" },
});
const cited = (): Item =>
  message(
    part("It rains in Oslo.", [
      { type: "url_citation", url: "https://oslo.example", title: "Oslo", start_index: 0, end_index: 8 },
    ]),
  );
const interpreter = (): Item => ({
  type: "code_interpreter_call",
  id: newId("ci_"),
  status: "completed",
  container_id: "cntr_1",
  code: "print(1)",
  outputs: [{ type: "logs", logs: "1" }],
});
const mcp = (type: "mcp_call" | "mcp_approval_request"): Item => ({
  type,
  id: newId(type === "mcp_call" ? "mcp_" : "mcpr_"),
  server_label: "weather",
  name: "forecast",
  arguments: CITY,
  ...(type === "mcp_call" && { output: "Rain", error: null }),
});

const shapesFor = (retention: Retention): Readonly<Record<string, () => Shape>> => ({
  text: () => ({ output: [text()] }),
  "text, then a call": () => ({ output: [text("I look it up."), call()] }),
  "two calls": () => ({ output: [call(), call('{"city":"Bergen"}')] }),
  "reasoning, then text": () => ({ output: [reasoning(retention), text()] }),
  "reasoning, then a call": () => ({ output: [reasoning(retention), call()] }),
  "a search, then text": () => ({ output: [search(), cited()] }),
  "reasoning, a search, then text": () => ({ output: [reasoning(retention), search(), cited()] }),
  "code, then text": () => ({ output: [interpreter(), text()] }),
  "an MCP call, then text": () => ({ output: [mcp("mcp_call"), text()] }),
  refusal: () => ({ output: [message({ type: "refusal", refusal: "I can't help with that." })] }),
});

const stoppingShapesFor = (retention: Retention): Readonly<Record<string, () => Shape>> => ({
  "reasoning up to the token limit": () => ({ output: [reasoning(retention)], status: "incomplete" }),
  "a call cut at the token limit": () => ({ output: [call('{"city":"Os', "incomplete")], status: "incomplete" }),
  "two calls, the second malformed": () => ({ output: [call(), call('{"city": Oslo}')] }),
  "an MCP approval that is not given": () => ({ output: [mcp("mcp_approval_request")] }),
  nothing: () => ({ output: [] }),
});

const madeOf = (shapes: Readonly<Record<string, () => Shape>>): Answers =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, () => answerOf(name, shape())]));

export const answersFor = (retention: Retention): Answers => madeOf(shapesFor(retention));
export const stoppingFor = (retention: Retention): Answers => madeOf(stoppingShapesFor(retention));

/** One that a person is to answer: `approval_request_id` is the id of its only item. */
export function approvalRequest(): { readonly answer: Answer; readonly id: string } {
  const request = mcp("mcp_approval_request");
  return { answer: answerOf("an MCP approval request", { output: [request] }), id: request.id };
}

function answerOf(name: string, { output, status = "completed" }: Shape): Answer {
  const response = {
    id: newId("resp_"),
    object: "response",
    created_at: 1_700_000_000,
    model: "gpt-5",
    error: null,
    incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
    metadata: {},
    service_tier: "default",
    text: { format: { type: "text" } },
    user: null,
  };
  const usage = {
    input_tokens: 10,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 20,
    output_tokens_details: { reasoning_tokens: 5 },
    total_tokens: 30,
  };
  const begun = { ...response, status: "in_progress", output: [], usage: null };
  const ended = { ...response, status, output, usage };
  let number = 0;
  const event = (type: string, fields: object, kind = kindOf(type)): Frame => {
    number += 1;
    return sse(kind, { type, sequence_number: number, ...fields }, type);
  };
  return {
    name,
    whole: JSON.stringify(ended),
    frames: [
      event("response.created", { response: begun }),
      event("response.in_progress", { response: begun }),
      ...output.flatMap((item, index) => itemFrames(item, index, event)),
      event(`response.${status}`, { response: ended }),
    ],
    kept: output.map(({ id }) => id),
  };
}

/** What an event repeats, or only announces, is of one kind. */
function kindOf(type: string): string {
  return /in_progress|_part\.|(text|arguments)\.done$/.test(type) ? "no news" : type;
}

type MakeEvent = (type: string, fields: object, kind?: string) => Frame;

function itemFrames(item: Item, output_index: number, event: MakeEvent): Frame[] {
  const { type, id: item_id } = item;
  const place = { item_id, output_index };
  const { encrypted_content: _sealed, ...open } = item;
  const blank = {
    message: { ...open, status: "in_progress", content: [] },
    function_call: { ...open, status: "in_progress", arguments: "" },
    reasoning: { ...open, summary: [] },
  }[type] ?? { ...open, ...("status" in item && { status: "in_progress" }) };
  return [
    event("response.output_item.added", { output_index, item: blank }, `added ${type}`),
    ...(item["content"] === undefined ? [] : (item["content"] as Part[])).flatMap((each, index) =>
      partFrames(each, { ...place, content_index: index }, event),
    ),
    ...(type === "function_call" ? argumentFrames(String(item["arguments"]), place, event) : []),
    ...(type === "reasoning" ? (item["summary"] as Part[]) : []).flatMap((each, index) =>
      summaryFrames(String(each.text), { ...place, summary_index: index }, event),
    ),
    ...(type.startsWith("web_search") ? [event(`response.${type}.searching`, place)] : []),
    event("response.output_item.done", { output_index, item }, `done ${type}`),
  ];
}

interface Part {
  readonly type: string;
  readonly text?: string;
  readonly refusal?: string;
  readonly annotations?: readonly object[];
}

function partFrames(said: Part, place: object, event: MakeEvent): Frame[] {
  const { type, text: words = "", refusal = "", annotations = [] } = said;
  if (type === "refusal") {
    return [
      event("response.content_part.added", { ...place, part: { type, refusal: "" } }),
      ...pieces(refusal).map((delta) => event("response.refusal.delta", { ...place, delta })),
      event("response.refusal.done", { ...place, refusal }),
      event("response.content_part.done", { ...place, part: said }),
    ];
  }
  return [
    event("response.content_part.added", { ...place, part: { ...said, text: "", annotations: [] } }),
    ...pieces(words).map((delta) => event("response.output_text.delta", { ...place, delta, logprobs: [] })),
    ...annotations.map((annotation, annotation_index) =>
      event("response.output_text.annotation.added", { ...place, annotation_index, annotation }),
    ),
    event("response.output_text.done", { ...place, text: words, logprobs: [] }),
    event("response.content_part.done", { ...place, part: said }),
  ];
}

function argumentFrames(args: string, place: object, event: MakeEvent): Frame[] {
  return [
    ...pieces(args).map((delta) => event("response.function_call_arguments.delta", { ...place, delta })),
    event("response.function_call_arguments.done", { ...place, arguments: args }),
  ];
}

function summaryFrames(thought: string, place: object, event: MakeEvent): Frame[] {
  const whole = { type: "summary_text", text: thought };
  return [
    event("response.reasoning_summary_part.added", { ...place, part: { ...whole, text: "" } }),
    ...pieces(thought).map((delta) => event("response.reasoning_summary_text.delta", { ...place, delta })),
    event("response.reasoning_summary_text.done", { ...place, text: thought }),
    event("response.reasoning_summary_part.done", { ...place, part: whole }),
  ];
}

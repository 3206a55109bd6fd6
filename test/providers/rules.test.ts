// Each rule of each endpoint, on the smallest request that breaks it; and what is taken back as it is.
import { expect, test } from "vitest";
import { anthropic } from "./anthropic/api.js";
import { bedrock } from "./bedrock/api.js";
import { gemini } from "./gemini/api.js";
import { openAiChat } from "./openai-chat/api.js";
import { openAiResponses } from "./openai-responses/api.js";
import type { Api } from "./support/api.js";
import { signatureOf } from "./support/pieces.js";

const refusal = ({ refusal: of }: Api, body: object, kept: readonly string[] = []): string | undefined =>
  of(body as never, new Set(kept));

const user = { role: "user", content: "Hello" };
const said = (...content: object[]): object => ({ messages: [user, { role: "assistant", content }, user] });
const thinking = { type: "thinking", thinking: "Hm", signature: signatureOf("Hm") };
const text = { type: "text", text: "Hi" };
const use = { type: "tool_use", id: "t1", name: "weather", input: {} };
const result = { role: "user", content: [{ type: "tool_result", tool_use_id: "t1", content: "Rain" }] };

test.each([
  ["non-empty content", said()],
  ["text content blocks must be non-empty", said(text, { type: "text", text: "" })],
  ["non-whitespace text", said({ type: "text", text: "\n" })],
  ["Input tag 'input_json_delta'", said(text, { type: "input_json_delta", input: "{" })],
  ["thinking.signature: Field required", said({ type: "thinking", thinking: "Hm" }, text)],
  ["Invalid `signature`", said({ ...thinking, thinking: "H" }, text)],
  ["Invalid `data`", said({ type: "redacted_thinking", data: "" }, text)],
  ["The final block", said(text, thinking)],
  ["Input should be a valid dictionary", said({ ...use, input: "" })],
  ["without `tool_result` blocks", said(use)],
  ["unexpected `tool_use_id`", { messages: [user, { role: "assistant", content: [text] }, result] }],
  ["must be unique", { messages: [user, { role: "assistant", content: [use, use] }, result] }],
  ["`web_search` tool use", said(text, { type: "server_tool_use", id: "s1", name: "web_search", input: {} })],
  ["`server_tool_use` block", said({ type: "web_search_tool_result", tool_use_id: "s1", content: [] }, text)],
  [undefined, said(thinking, { type: "text", text: "\n" }, text)],
  [undefined, { messages: [user, { role: "assistant", content: [thinking, use] }, result, user] }],
])("Anthropic: %s", (reason, body) => {
  expect(refusal(anthropic, body)).toEqual(reason === undefined ? undefined : expect.stringContaining(reason));
});

const converse = (...messages: object[]): object => ({ messages, toolConfig: {} });
const asks = { role: "user", content: [{ text: "Hello" }] };
const answers = (...content: object[]): object => ({ role: "assistant", content });
const reasoning = (signature?: string): object => ({ reasoningContent: { reasoningText: { text: "Hm", signature } } });
const toolUse = { toolUse: { toolUseId: "t1" } };
const toolResult = { role: "user", content: [{ toolResult: { toolUseId: "t1" } }] };

test.each([
  ["must start with a user message", converse(answers({ text: "Hi" }), asks)],
  ["content field in the Message", converse(asks, answers(), asks)],
  ["is blank", converse(asks, answers({ text: " " }), asks)],
  ["toolConfig field", { messages: [asks, answers(toolUse), toolResult] }],
  ["signature: Field required", converse(asks, answers(reasoning(), { text: "Hi" }), asks)],
  ["Invalid `signature`", converse(asks, answers(reasoning("no"), { text: "Hi" }), asks)],
  ["The final block", converse(asks, answers(reasoning(signatureOf("Hm"))), asks)],
  ["Expected toolResult blocks", converse(asks, answers(toolUse), asks)],
  ["exceeds the number of toolUse", converse(asks, answers({ text: "Hi" }), toolResult)],
  ["must alternate", converse(asks, asks)],
  ["must alternate", converse(asks, answers(toolUse), toolResult, asks)],
  [undefined, converse(asks, answers(reasoning(signatureOf("Hm")), toolUse), toolResult)],
])("Bedrock: %s", (reason, body) => {
  expect(refusal(bedrock, body)).toEqual(reason === undefined ? undefined : expect.stringContaining(reason));
});

const contents = (...all: object[]): object => ({ contents: all });
const question = { role: "user", parts: [{ text: "Hello" }] };
const model = (...parts: object[]): object => ({ role: "model", parts });
const functionCall = { functionCall: { name: "weather" }, thoughtSignature: "signed" };
const functionResponse = { role: "user", parts: [{ functionResponse: { name: "weather" } }] };

test.each([
  ["contents is not specified", contents()],
  ["parts must not be empty", contents(question, model(), question)],
  ["required oneof field", contents(question, model({ thought: true }), question)],
  ["immediately after a user turn", contents(question, model({ text: "Hi" }), model(functionCall), functionResponse)],
  ["number of function response parts", contents(question, model(functionCall), question)],
  ["missing a thought_signature", contents(question, model({ functionCall: { name: "weather" } }), functionResponse)],
  [undefined, contents(question, model(functionCall, functionCall), functionResponse, functionResponse, question)],
])("Gemini: %s", (reason, body) => {
  expect(refusal(gemini, body)).toEqual(reason === undefined ? undefined : expect.stringContaining(reason));
});

const called = (...tool_calls: object[]): object => ({ role: "assistant", content: "", tool_calls });
const call = { id: "c1", type: "function", function: { name: "weather", arguments: '{"city":' } };
const tool = (tool_call_id: string): object => ({ role: "tool", tool_call_id, content: "Rain" });

test.each([
  ["expected a string, got null", { messages: [user, { role: "assistant", content: null }, user] }],
  ["Invalid value: 'thinking'", said({ type: "thinking" })],
  ["empty array", { messages: [user, called(), user] }],
  [".id'", { messages: [user, called({ ...call, id: undefined }), user] }],
  ["must be followed by tool messages", { messages: [user, called(call), user, tool("c1")] }],
  ["must be a response to a preceeding message", { messages: [user, tool("c1")] }],
  ["not found in 'tool_calls'", { messages: [user, called(call), tool("c1"), tool("c2")] }],
  [undefined, { messages: [user, called(call), tool("c1"), { role: "assistant", content: "" }, user] }],
])("OpenAI Chat Completions: %s", (reason, body) => {
  expect(refusal(openAiChat, body)).toEqual(reason === undefined ? undefined : expect.stringContaining(reason));
});

const input = (...items: object[]): object => ({ input: items });
const message = { type: "message", role: "assistant", content: [] };
const thought = { type: "reasoning", id: "rs_1", summary: [] };
const asked = { type: "function_call", call_id: "c1", name: "weather", arguments: '{"city":' };
const output = { type: "function_call_output", call_id: "c1", output: "Rain" };

test.each([
  ["Invalid value: 'thinking'", input({ type: "thinking" })],
  ["input[0].id", input({ ...thought, id: undefined }, message)],
  ["input[0].summary", input({ ...thought, summary: undefined }, message)],
  ["not persisted", { store: false, ...input(thought, message) }],
  ["'rs_2' not found", input({ ...thought, id: "rs_2" }, message)],
  ["required following item", input(thought, user)],
  ["input[0].name': empty string", input({ ...asked, name: "" }, output)],
  ["No tool output found", input(asked, user)],
  ["No tool call found", input(output)],
  ["No approval request found", input({ type: "mcp_approval_response", approval_request_id: "mcpr_1" })],
  [undefined, input(thought, message, { ...thought, id: "rs_3", encrypted_content: "sealed" }, asked, output, user)],
])("OpenAI Responses: %s", (reason, body) => {
  const refused = refusal(openAiResponses, body, ["rs_1"]);
  expect(refused).toEqual(reason === undefined ? undefined : expect.stringContaining(reason));
});

// The endpoints refuse what the providers refuse, also when the real package sends it: a history in memory, to which nobody
// attended, stops the conversation. Without this the other tests would prove nothing.
import { type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { concat } from "@langchain/core/utils/stream";
import { expect, test } from "vitest";
import { anthropic } from "./anthropic/api.js";
import { bedrock } from "./bedrock/api.js";
import { gemini } from "./gemini/api.js";
import { openAiChat } from "./openai-chat/api.js";
import { openAiResponses, openAiResponsesZdr } from "./openai-responses/api.js";
import { Endpoint } from "./support/endpoint.js";
import { made } from "./support/runs.js";
import { forEachApi } from "./support/suite.js";
import { plainTalk } from "./support/talks.js";

forEachApi((api, endpoint) => {
  test("a call that nobody answers stops the conversation: each later request is refused", async () => {
    const line = endpoint().open();
    const talk = plainTalk("chain", api.model(line.url, "v0"));
    line.answer(made(api, "two calls"));
    await talk.say([new HumanMessage("Hello")], { how: "invoke" });
    for (const sentence of ["And now?", "Then?"]) {
      await expect(talk.say([new HumanMessage(sentence)], { how: "invoke" })).rejects.toBeInstanceOf(Error);
    }
    expect(line.refusals).toHaveLength(2);
  });
});

test.each([
  { api: anthropic, name: "nothing", reason: "non-empty content" },
  { api: anthropic, name: "thinking up to the token limit", reason: "final block" },
  { api: anthropic, name: "a search that pauses", reason: "web_search_tool_result" },
  { api: bedrock, name: "nothing", reason: "content field" },
  { api: bedrock, name: "white space", reason: "is blank" },
  { api: bedrock, name: "thinking up to the token limit", reason: "final block" },
  { api: gemini, name: "nothing but the end", reason: "parts must not be empty" },
  { api: openAiChat, name: "a call cut at the token limit", reason: "must be followed by tool messages" },
  { api: openAiResponses, name: "reasoning up to the token limit", reason: "required following item" },
  { api: openAiResponses, name: "a call cut at the token limit", reason: "No tool output found" },
])("$api.name refuses what it answered itself: $name", async ({ api, name, reason }) => {
  await using endpoint = await Endpoint.start(api);
  const line = endpoint.open();
  const talk = plainTalk("chain", api.model(line.url, "v0"));
  line.answer(made(api, name));
  await talk.say([new HumanMessage("Hello")], { how: "invoke" });
  await expect(talk.say([new HumanMessage("And now?")], { how: "invoke" })).rejects.toThrow(reason);
});

test.each([
  { api: anthropic, name: "thinking, then text", kind: "start of thinking", reason: "Invalid `signature`" },
  { api: anthropic, name: "thinking, then text", kind: "signature_delta", reason: "final block" },
  { api: anthropic, name: "a search, then text", kind: "start of server_tool_use", reason: "web_search_tool_result" },
  { api: bedrock, name: "thinking, then text", kind: "thought", reason: "signature: Field required" },
  { api: bedrock, name: "thinking, then text", kind: "signature", reason: "final block" },
  { api: gemini, name: "two calls", kind: "functionCall", reason: "number of function response parts" },
  { api: openAiChat, name: "two calls", kind: "arguments 0", reason: "must be followed by tool messages" },
  { api: openAiResponses, name: "reasoning, then text", kind: "added reasoning", reason: "not found" },
  { api: openAiResponses, name: "two calls", kind: "added function_call", reason: "No tool output found" },
  { api: openAiResponsesZdr, name: "two calls", kind: "added function_call", reason: "No tool output found" },
])("$api.name refuses its own answer: $name, cut behind: $kind", async ({ api, name, kind, reason }) => {
  await using endpoint = await Endpoint.start(api);
  const line = endpoint.open();
  const model = api.model(line.url, "v0");
  const answer = made(api, name);
  line.answer(answer, { behind: answer.frames.findIndex((frame) => frame.kind === kind) + 1, by: "connection" });
  let partial: BaseMessage | undefined;
  const read = async (): Promise<void> => {
    for await (const chunk of await model.stream("Hello")) partial = partial ? concat(partial, chunk) : chunk;
  };
  await expect(read()).rejects.toBeInstanceOf(Error);
  if (partial === undefined) throw new Error("Nothing was read.");
  const history = [new HumanMessage("Hello"), partial, new HumanMessage("And now?")];
  await expect(model.invoke(history)).rejects.toThrow(reason);
});

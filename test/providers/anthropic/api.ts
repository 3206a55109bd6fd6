import { ChatAnthropic } from "@langchain/anthropic";
import { type Api, firstRefusal } from "../support/api.js";
import { newId, sse } from "../support/pieces.js";
import { answers, stopping } from "./answers.js";
import { type Body, rules } from "./rules.js";

export const anthropic: Api = {
  name: "Anthropic Messages",
  model: (url, outputVersion) =>
    new ChatAnthropic({
      model: "claude-sonnet-4-5",
      apiKey: "none",
      anthropicApiUrl: url,
      maxTokens: 4096,
      thinking: { type: "enabled", budget_tokens: 1024 },
      maxRetries: 0,
      outputVersion,
    }),
  answers,
  stopping,
  alike: {
    "thinking up to the token limit": "thinking, then text",
    "a call cut at the token limit": "text, then a call",
    "a search that pauses": "a search, then text",
  },
  isStream: (_path, { stream }: Body) => stream === true,
  refusal: (body: Body) => firstRefusal(rules, body),
  refuse: (message) => ({
    body: JSON.stringify({
      type: "error",
      error: { type: "invalid_request_error", message },
      request_id: newId("req_"),
    }),
  }),
  failure: sse("error", { type: "error", error: { type: "overloaded_error", message: "Overloaded" } }, "error"),
  streamType: "text/event-stream",
};

import { ChatOpenAI } from "@langchain/openai";
import { type Api, firstRefusal } from "../support/api.js";
import { sse } from "../support/pieces.js";
import { answers, stopping } from "./answers.js";
import { type Body, rules } from "./rules.js";

export const openAiChat: Api = {
  name: "OpenAI Chat Completions",
  model: (url, outputVersion) =>
    new ChatOpenAI({
      model: "gpt-5",
      apiKey: "none",
      configuration: { baseURL: url },
      useResponsesApi: false,
      maxRetries: 0,
      outputVersion,
    }),
  answers,
  stopping,
  alike: {
    "a call cut at the token limit": "text, then a call",
    "text, then a malformed call": "text, then a call",
    "two calls, the second cut at the token limit": "two calls",
    "two calls, the second malformed": "two calls",
  },
  isStream: (_path, { stream }: Body) => stream === true,
  refusal: (body: Body) => firstRefusal(rules, body),
  refuse: (message) => ({
    body: JSON.stringify({ error: { message, type: "invalid_request_error", param: "messages", code: null } }),
  }),
  failure: sse("failure", {
    error: { message: "The server had an error while processing your request.", type: "server_error" },
  }),
  streamType: "text/event-stream",
};

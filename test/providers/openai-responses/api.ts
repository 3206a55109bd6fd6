import { ChatOpenAI } from "@langchain/openai";
import { type Api, firstRefusal } from "../support/api.js";
import { sse } from "../support/pieces.js";
import { answersFor, stoppingFor } from "./answers.js";
import { type Body, rules } from "./rules.js";

const apiWith = (retention: "kept" | "zero"): Api => ({
  name: `OpenAI Responses${retention === "zero" ? ", zero data retention" : ""}`,
  model: (url, outputVersion) =>
    new ChatOpenAI({
      model: "gpt-5",
      apiKey: "none",
      configuration: { baseURL: url },
      useResponsesApi: true,
      zdrEnabled: retention === "zero",
      maxRetries: 0,
      outputVersion,
    }),
  answers: answersFor(retention),
  stopping: stoppingFor(retention),
  alike: {
    "reasoning up to the token limit": "reasoning, then text",
    "a call cut at the token limit": "text, then a call",
    "two calls, the second malformed": "two calls",
  },
  isStream: (_path, { stream }: Body) => stream === true,
  refusal: (body: Body, kept) => firstRefusal(rules, { ...body, kept }),
  refuse: (message) => ({
    body: JSON.stringify({ error: { message, type: "invalid_request_error", param: "input", code: null } }),
  }),
  // As the reference has it; the package takes no notice of it, so the stream seems to have come to its end.
  failure: sse(
    "error",
    { type: "error", code: "server_error", message: "Something went wrong.", param: null },
    "error",
  ),
  streamType: "text/event-stream",
});

export const openAiResponses: Api = apiWith("kept");
export const openAiResponsesZdr: Api = apiWith("zero");

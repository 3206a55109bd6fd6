import { ChatGoogleGenerativeAI } from "@langchain/google-genai";
import { type Api, firstRefusal } from "../support/api.js";
import { sse } from "../support/pieces.js";
import { answers, stopping } from "./answers.js";
import { type Body, rules } from "./rules.js";

const error = (code: number, status: string, message: string): object => ({ error: { code, message, status } });

export const gemini: Api = {
  name: "Gemini generateContent",
  model: (url, outputVersion) =>
    withHandledResponse(
      new ChatGoogleGenerativeAI({
        model: "gemini-3-pro-preview",
        apiKey: "none",
        baseUrl: url,
        maxRetries: 0,
        outputVersion,
      }),
    ),
  answers,
  stopping,
  alike: {
    "thinking up to the token limit": "thinking, then text",
  },
  isStream: (path) => path.includes(":streamGenerateContent"),
  refusal: (body: Body) => firstRefusal(rules, body),
  refuse: (message) => ({ body: JSON.stringify(error(400, "INVALID_ARGUMENT", message)) }),
  // The package takes no notice of it, so the stream seems to have come to its end.
  failure: sse("failure", error(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")),
  streamType: "text/event-stream",
};

interface Streaming {
  readonly client: { generateContentStream: (...given: unknown[]) => Promise<{ readonly response: Promise<unknown> }> };
}

/** The package leaves a promise of Google's without a handler: a connection that is lost would end the process. */
function withHandledResponse(model: ChatGoogleGenerativeAI): ChatGoogleGenerativeAI {
  const { client } = model as unknown as Streaming;
  const original = client.generateContentStream.bind(client);
  client.generateContentStream = async (...given) => {
    const result = await original(...given);
    result.response.catch(() => {});
    return result;
  };
  return model;
}

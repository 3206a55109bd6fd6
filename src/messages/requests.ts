import type { BaseMessage } from "@langchain/core/messages";
import { isObject } from "../codec/json.js";
import { callsOf, type Nullable } from "./tool-calls.js";

// A user's message can answer what the model asked for: an approval of OpenAI's MCP tools, or the result of a call in the
// content itself, as Anthropic and Bedrock have it. A provider refuses it (400) when the request is not in front of it.

/** The fields by which a block of content names the request that it answers, as providers and LangChain spell them. */
const REFERENCES = ["approval_request_id", "tool_use_id", "toolUseId", "toolCallId", "tool_call_id", "call_id"];
/** The fields by which a block, or an item of an answer's output, is named. */
const NAMES = ["id", "call_id", "toolUseId"];
/** The fields in which a block wraps what it is about: of LangChain's own form, and of Bedrock's. */
const WRAPPERS = ["value", "toolUse", "toolResult"];

/** Returns the ids of the requests that the user answers with this message; of any other message, none. */
export function answeredBy(message: BaseMessage | undefined): string[] {
  return message?.type === "human" || message?.type === "system" ? fieldsOf(message.content, REFERENCES) : [];
}

/** Returns all ids by which what a model says, calls or asks for in this message can be answered. */
export function requestsOf(message: BaseMessage): (string | undefined)[] {
  if (message.type !== "ai") return [];
  const { content, response_metadata: metadata, additional_kwargs: kwargs } = message as Nullable<BaseMessage>;
  // OpenAI's own items: of a whole answer, and of a streamed one.
  const items = [content, metadata?.["output"], kwargs?.["tool_outputs"]].flatMap((blocks) => fieldsOf(blocks, NAMES));
  return [...callsOf(message).map(({ name }) => name), ...items];
}

function fieldsOf(blocks: unknown, names: readonly string[]): string[] {
  if (!Array.isArray(blocks)) return [];
  return blocks.filter(isObject).flatMap((block) =>
    [block, ...WRAPPERS.map((name) => block[name])]
      .filter(isObject)
      .flatMap((part) => names.map((name) => part[name]))
      .filter((value) => typeof value === "string"),
  );
}

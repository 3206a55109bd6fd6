import type { BaseMessage } from "@langchain/core/messages";
import { isObject } from "../codec/json.js";
import { callsOf, type Nullable } from "./tool-calls.js";

// A user's message can answer a request of the model: with an approval for OpenAI's MCP tools, or, for Anthropic and
// Bedrock, with the result of a call in its content. A provider refuses the message (400) if the request is not in front of
// it.

/** The fields in which a block of content names the request that it answers, as providers and LangChain spell them. */
const REFERENCES = ["approval_request_id", "tool_use_id", "toolUseId", "toolCallId", "tool_call_id", "call_id"];
/** The fields that name a block, or an item of an answer's output. */
const NAMES = ["id", "call_id", "toolUseId"];
/** The fields in which a block in LangChain's form, or in Bedrock's, wraps another block. */
const WRAPPERS = ["value", "toolUse", "toolResult"];

/** Returns the ids of the requests that a user's message answers. Returns an empty list for any other message. */
export function answeredBy(message: BaseMessage | undefined): string[] {
  return message?.type === "human" || message?.type === "system" ? fieldsOf(message.content, REFERENCES) : [];
}

/** Returns all ids in a model's message that a user's answer can refer to. */
export function requestsOf(message: BaseMessage): (string | undefined)[] {
  if (message.type !== "ai") return [];
  const { content, response_metadata: metadata, additional_kwargs: kwargs } = message as Nullable<BaseMessage>;
  // OpenAI's own items are in the output of a whole answer, and in the kwargs of a streamed one.
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

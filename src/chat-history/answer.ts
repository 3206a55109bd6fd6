import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import { copied } from "./copied.js";
import { callsOf } from "./tool-calls.js";

// What a provider accepts of an answer that is sent back to it. The rules are those of the providers' APIs, in the
// spellings of LangChain's packages, of output versions v0 and v1. test/providers asks endpoints that keep to them.

type Block = Readonly<Record<string, unknown>>;

/** How providers say that an answer ended at the token limit: OpenAI and others, Anthropic and Bedrock, Google. */
const TOKEN_LIMIT: ReadonlySet<unknown> = new Set([
  "length",
  "max_tokens",
  "model_context_window_exceeded",
  "MAX_TOKENS",
  "max_output_tokens",
]);

/** Returns true for an answer that broke off: interrupted, or cut at the token limit. Its blocks may not be whole. */
export function wasCutShort({ response_metadata: metadata, additional_kwargs: kwargs }: BaseMessage): boolean {
  const { incomplete_details: details, messageStop: stop } = metadata;
  const reasons = [metadata, kwargs, details, stop]
    .filter(isBlock)
    .flatMap((place) => [
      place["finish_reason"],
      place["finishReason"],
      place["stop_reason"],
      place["stopReason"],
      place["reason"],
    ]);
  return metadata["interrupted"] === true || reasons.some((reason) => TOKEN_LIMIT.has(reason));
}

/**
 * Returns the answer without the blocks that are not whole, which providers refuse: reasoning without its signature, a
 * server-side tool use without its result, parts of arguments, text blocks without text, and reasoning with nothing
 * after it. Returns the same object when every block is whole.
 */
export function wholePart(answer: AIMessage): AIMessage {
  const fields: Record<string, unknown> = {};
  const { content, response_metadata: metadata } = answer;
  if (Array.isArray(content)) {
    const blocks = content as readonly Block[];
    const calls = callsOf(answer);
    const context: Context = {
      blocks,
      calls: new Set(calls.map(({ name }) => name)),
      // Google accepts its thoughts without a signature.
      isGoogle: String(metadata["model_provider"]).startsWith("google"),
    };
    const whole = blocks.filter((block, index) => isWhole(valueOf(block), index, context));
    if (calls.length === 0) whole.length = lengthWithoutReasoning(whole);
    if (whole.length < blocks.length) fields["content"] = whole;
  }
  // OpenAI Responses is sent the output of a response that it stores as it was.
  const { output } = metadata as { output?: unknown };
  if (Array.isArray(output)) {
    const length = lengthWithoutReasoning(output as readonly Block[]);
    if (length < output.length) fields["response_metadata"] = { ...metadata, output: output.slice(0, length) };
  }
  return Object.keys(fields).length === 0 ? answer : copied(answer, fields);
}

/**
 * Returns true for an answer with neither content nor calls: providers refuse it. Reasoning alone is no content, since
 * providers refuse an answer that ends with it.
 */
export function saysNothing(message: BaseMessage): boolean {
  if (!AIMessage.isInstance(message) || callsOf(message).length > 0) return false;
  const { content, additional_kwargs: kwargs, response_metadata: metadata } = message;
  // What OpenAI's APIs keep beside the content: spoken answers, refusals, and the calls of built-in tools.
  if (isGiven(kwargs["audio"]) || isGiven(kwargs["refusal"])) return false;
  if (holds(metadata["output"], isSent) || holds(kwargs["tool_outputs"], isSentAlone)) return false;
  if (typeof content === "string") return isBlank(content);
  return (content as readonly Block[]).every((block) => isReasoning(valueOf(block)) || isBlankText(valueOf(block)));
}

/** What a block stands in. */
interface Context {
  readonly blocks: readonly Block[];
  /** Ids of the answer's calls. */
  readonly calls: ReadonlySet<unknown>;
  readonly isGoogle: boolean;
}

function isWhole(block: Block, index: number, { blocks, calls, isGoogle }: Context): boolean {
  switch (block["type"]) {
    case "thinking":
      return isGoogle || isGiven(block["signature"]);
    case "redacted_thinking":
      return isGiven(block["data"]);
    case "reasoning":
      // OpenAI names a reasoning item that it keeps by an id.
      return isGoogle || [block["signature"], block["encrypted_content"], block["id"]].some(isGiven);
    case "reasoning_content":
      return isGiven(block["redactedContent"]) || isSignedRun(blocks.slice(index));
    case "server_tool_use":
    case "mcp_tool_use":
    case "server_tool_call":
    case "server_tool_call_chunk":
      return isGiven(block["id"]) && blocks.some((other) => resultOf(valueOf(other)) === block["id"]);
    case "input_json_delta":
      return false;
    case "tool_use":
    case "tool_call":
    case "tool_call_chunk":
    case "invalid_tool_call":
      return isGiven(block["id"]) && calls.has(block["id"]);
    default:
      return !isBlankText(block);
  }
}

/** Bedrock streams the signature as the last of a run of blocks. */
function isSignedRun(blocks: readonly Block[]): boolean {
  for (const block of blocks) {
    const text = block["reasoningText"];
    if (block["type"] !== "reasoning_content" || !isBlock(text)) return false;
    if (isGiven(text["signature"])) return true;
  }
  return false;
}

/** The id of the server-side tool use that the block is the result of. */
function resultOf(block: Block): unknown {
  return block["tool_use_id"] ?? block["toolCallId"];
}

function lengthWithoutReasoning(blocks: readonly Block[]): number {
  return blocks.findLastIndex((block) => !isReasoning(valueOf(block))) + 1;
}

function isReasoning({ type }: Block): boolean {
  return type === "thinking" || type === "redacted_thinking" || type === "reasoning" || type === "reasoning_content";
}

function isBlankText({ type, text = "" }: Block): boolean {
  return (type === "text" || type === "text_delta") && typeof text === "string" && isBlank(text);
}

function isBlank(text: string): boolean {
  return text.trim() === "";
}

/** Output version v1 wraps a block that it has no name for. */
function valueOf(block: Block): Block {
  return block["type"] === "non_standard" && isBlock(block["value"]) ? block["value"] : block;
}

/** An item of OpenAI Responses. A message among them has its text in the content too. */
function isSent(item: Block): boolean {
  return !isReasoning(item) && item["type"] !== "message";
}

/** Without the output of a whole response, LangChain sends these calls of built-in tools, and no others. */
const SENT_ALONE: ReadonlySet<unknown> = new Set([
  "computer_call",
  "mcp_call",
  "code_interpreter_call",
  "image_generation_call",
  "shell_call",
  "local_shell_call",
]);

function isSentAlone({ type }: Block): boolean {
  return SENT_ALONE.has(type);
}

function holds(items: unknown, isMeant: (item: Block) => boolean): boolean {
  return Array.isArray(items) && items.some((item) => isBlock(item) && isMeant(item));
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}

function isBlock(value: unknown): value is Block {
  return typeof value === "object" && value !== null;
}

import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import { copied } from "./copied.js";
import { callsOf } from "./tool-calls.js";

// The parts of an answer that a provider accepts when the answer is sent back to it. The rules are those of the providers'
// APIs, in the spellings of LangChain's packages, of output versions v0 and v1. test/providers checks them against endpoints
// that keep to these rules.

type Block = Readonly<Record<string, unknown>>;

/** The finish reasons of OpenAI, Anthropic, Bedrock, Google and others for an answer that ended at the token limit. */
const TOKEN_LIMIT: ReadonlySet<unknown> = new Set([
  "length",
  "max_tokens",
  "model_context_window_exceeded",
  "MAX_TOKENS",
  "max_output_tokens",
]);

/**
 * Returns the cause that cut an answer short: an interruption (of its turn, or of its stream without an error), or the token
 * limit. Returns `undefined` for an answer without a sign of being cut.
 */
function cutBy(answer: AIMessage): "interruption" | "token limit" | undefined {
  const { metadata, kwargs } = partsOf(answer);
  if (metadata["interrupted"] === true || isUnfinishedResponse(answer)) return "interruption";
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
  return reasons.some((reason) => TOKEN_LIMIT.has(reason)) ? "token limit" : undefined;
}

/** Returns the metadata and the additional kwargs of an answer. Other libraries may have stored null for them. */
function partsOf(answer: AIMessage): { readonly metadata: Block; readonly kwargs: Block } {
  const { response_metadata: metadata, additional_kwargs: kwargs } = answer as Partial<
    Record<keyof AIMessage, unknown>
  > as Partial<Record<string, Block | null>>;
  return { metadata: metadata ?? {}, kwargs: kwargs ?? {} };
}

/**
 * Returns true for the rest of a failed stream of OpenAI Responses. LangChain ignores the error, and the answer then lacks
 * the fields that the last event of the stream brings.
 */
function isUnfinishedResponse(answer: AIMessage): boolean {
  const { metadata, kwargs } = partsOf(answer);
  const { reasoning } = kwargs;
  if (!isBlock(reasoning) || metadata["status"] !== undefined || metadata["output"] !== undefined) return false;
  return metadata["model_provider"] === "openai" && isGiven(reasoning["id"]);
}

/** The circumstances of an answer, beyond its own fields. */
interface Circumstances {
  /** The cause that cut the answer short. */
  readonly cut?: "interruption";
  /** The type of the message that follows the answer and its results. Absent if no message follows. */
  readonly next?: string | undefined;
}

/**
 * Returns the answer without the parts that providers refuse: reasoning without its signature, a server-side tool use
 * without its result, incomplete arguments, text blocks without text, and reasoning at the end. Returns the same object if
 * there is no such part.
 */
export function wholePart(answer: AIMessage, { cut: known, next }: Circumstances): AIMessage {
  const { content } = answer;
  const { metadata, kwargs } = partsOf(answer);
  if (typeof content === "string" && metadata["output"] === undefined && kwargs["reasoning"] === undefined)
    return answer;
  const fields: Record<string, unknown> = {};
  const cut = known ?? cutBy(answer);
  const provider = String(metadata["model_provider"]);
  const calls = callsOf(answer);
  if (Array.isArray(content)) {
    const blocks = content as readonly Block[];
    // Anthropic runs a server-side tool later if the answer also calls other tools, or if it pauses its turn. The result is
    // then in the next answer.
    const isAwaited = cut === undefined && (calls.length > 0 || next !== "human");
    const context: Context = { blocks, calls: new Set(calls.map(({ name }) => name)), cut, provider, isAwaited };
    const whole = blocks.filter((block, index) => isWhole(valueOf(block), index, context));
    if (calls.length === 0 && !isGoogle(provider)) whole.length = lengthWithoutReasoning(whole);
    if (whole.length < blocks.length) fields["content"] = whole;
  }
  // LangChain sends the output of an OpenAI Responses response back unchanged.
  const { output } = metadata;
  if (Array.isArray(output)) {
    const length = lengthWithoutReasoning(output as readonly Block[]);
    if (length < output.length) fields["response_metadata"] = { ...metadata, output: output.slice(0, length) };
  }
  // OpenAI does not store a response that broke off, so nothing can refer to the items of that response.
  const { reasoning, ...others } = kwargs;
  if (cut === "interruption" && isBlock(reasoning) && !isGiven(reasoning["encrypted_content"])) {
    fields["additional_kwargs"] = Object.fromEntries(Object.entries(others).filter(([name]) => !ITEM_IDS.has(name)));
  }
  return Object.keys(fields).length === 0 ? answer : copied(answer, fields);
}

/** The kwargs in which LangChain keeps the item ids that calls have in OpenAI Responses. */
const ITEM_IDS: ReadonlySet<string> = new Set(["__openai_function_call_ids__", "__openai_custom_tool_call_ids__"]);

/**
 * Returns true for an answer with neither content nor calls, which providers refuse. Reasoning does not count as content,
 * because providers refuse an answer that ends with reasoning.
 */
export function saysNothing(message: BaseMessage): boolean {
  if (!AIMessage.isInstance(message) || callsOf(message).length > 0) return false;
  const { content } = message;
  const { metadata, kwargs } = partsOf(message);
  // OpenAI's APIs keep spoken answers, refusals and the calls of built-in tools beside the content.
  if (isGiven(kwargs["audio"]) || isGiven(kwargs["refusal"])) return false;
  if (holds(metadata["output"], isSent) || holds(kwargs["tool_outputs"], isSentAlone)) return false;
  if (typeof content === "string") return isBlank(content);
  return (content as readonly Block[]).every((block) => hasNothing(valueOf(block)));
}

function hasNothing(block: Block): boolean {
  if (block["type"] === "refusal") return !isGiven(block["refusal"]);
  return isReasoning(block) || isBlankText(block) || block["type"] === "input_json_delta";
}

/** The answer that a block is part of. */
interface Context {
  readonly blocks: readonly Block[];
  /** The ids of the answer's calls. */
  readonly calls: ReadonlySet<unknown>;
  readonly cut: "interruption" | "token limit" | undefined;
  readonly provider: string;
  /** True if the results of server-side tools may be in a later answer. */
  readonly isAwaited: boolean;
}

/** Returns true for Google, which accepts its thoughts without a signature, and at any place in an answer. */
function isGoogle(provider: string): boolean {
  return provider.startsWith("google");
}

function isWhole(block: Block, index: number, { blocks, calls, cut, provider, isAwaited }: Context): boolean {
  switch (block["type"]) {
    case "thinking": {
      const { signature } = block;
      if (isGiven(signature) || isGoogle(provider)) return true;
      return cut !== "interruption" && provider !== "anthropic" && signature !== "";
    }
    case "redacted_thinking":
      return isGiven(block["data"]);
    case "reasoning":
      if (isGiven(block["signature"]) || isGiven(block["encrypted_content"]) || isGoogle(provider)) return true;
      return cut !== "interruption" && provider !== "anthropic";
    case "reasoning_content":
      return cut !== "interruption" || isGiven(block["redactedContent"]) || isSignedRun(blocks.slice(index));
    case "server_tool_use":
    case "mcp_tool_use":
    case "server_tool_call":
    case "server_tool_call_chunk":
      return isAwaited || blocks.some((other) => isResultOf(valueOf(other), block["id"]));
    case "input_json_delta":
      return cut === undefined;
    case "tool_use":
    case "tool_call":
    case "tool_call_chunk":
    case "invalid_tool_call":
      return cut === undefined || (isGiven(block["id"]) && calls.has(block["id"]));
    default:
      return !isBlankText(block) || (cut === undefined && provider !== "anthropic" && !provider.startsWith("bedrock"));
  }
}

/** Returns true if the blocks start with a run of signed reasoning. Bedrock streams the signature at the end of the run. */
function isSignedRun(blocks: readonly Block[]): boolean {
  for (const block of blocks) {
    const text = block["reasoningText"];
    if (block["type"] !== "reasoning_content" || !isBlock(text)) return false;
    if (isGiven(text["signature"])) return true;
  }
  return false;
}

function isResultOf(block: Block, use: unknown): boolean {
  return isGiven(use) && (block["tool_use_id"] ?? block["toolCallId"]) === use;
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

/** Returns the block itself, without a wrapper. Output version v1 wraps a block that it has no name for. */
function valueOf(block: Block | null): Block {
  if (block === null) return {};
  return block["type"] === "non_standard" && isBlock(block["value"]) ? block["value"] : block;
}

/** Returns true for an item of OpenAI Responses other than reasoning or a message, whose text is also in the content. */
function isSent(item: Block): boolean {
  return !isReasoning(item) && item["type"] !== "message";
}

/** The calls of built-in tools that LangChain sends even without the output of a whole response. */
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

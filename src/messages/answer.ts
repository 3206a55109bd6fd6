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

/**
 * Returns what cut an answer short: its turn was interrupted, or its stream ended early without an error, or the token limit
 * was reached. Absent for an answer that came to its end, as far as it shows.
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

/** What others wrote may hold null. */
function partsOf(answer: AIMessage): { readonly metadata: Block; readonly kwargs: Block } {
  const { response_metadata: metadata, additional_kwargs: kwargs } = answer as Partial<
    Record<keyof AIMessage, unknown>
  > as Partial<Record<string, Block | null>>;
  return { metadata: metadata ?? {}, kwargs: kwargs ?? {} };
}

/** LangChain ignores an error in a stream of OpenAI Responses. What came before it then lacks what the end tells. */
function isUnfinishedResponse(answer: AIMessage): boolean {
  const { metadata, kwargs } = partsOf(answer);
  const { reasoning } = kwargs;
  if (!isBlock(reasoning) || metadata["status"] !== undefined || metadata["output"] !== undefined) return false;
  return metadata["model_provider"] === "openai" && isGiven(reasoning["id"]);
}

/** What is known of an answer beside what it tells itself. */
interface Circumstances {
  /** What cut it short. */
  readonly cut?: "interruption";
  /** The type of the message behind it and its results; absent, nothing follows. */
  readonly next?: string | undefined;
}

/**
 * Returns the answer without what providers refuse of one that is not whole: reasoning without its signature, a
 * server-side tool use without its result, parts of arguments, text blocks without text, and reasoning with nothing after
 * it. Returns the same object when everything is whole.
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
    // Anthropic runs a server-side tool later when the answer calls other tools too, or pauses its turn. The result then
    // stands in the answer that follows.
    const isAwaited = cut === undefined && (calls.length > 0 || next !== "human");
    const context: Context = { blocks, calls: new Set(calls.map(({ name }) => name)), cut, provider, isAwaited };
    const whole = blocks.filter((block, index) => isWhole(valueOf(block), index, context));
    if (calls.length === 0 && !isGoogle(provider)) whole.length = lengthWithoutReasoning(whole);
    if (whole.length < blocks.length) fields["content"] = whole;
  }
  // OpenAI Responses is sent the output of a response that it stores as it was.
  const { output } = metadata;
  if (Array.isArray(output)) {
    const length = lengthWithoutReasoning(output as readonly Block[]);
    if (length < output.length) fields["response_metadata"] = { ...metadata, output: output.slice(0, length) };
  }
  // It does not store a response that broke off: nothing can refer to its items.
  const { reasoning, ...others } = kwargs;
  if (cut === "interruption" && isBlock(reasoning) && !isGiven(reasoning["encrypted_content"])) {
    fields["additional_kwargs"] = Object.fromEntries(Object.entries(others).filter(([name]) => !ITEM_IDS.has(name)));
  }
  return Object.keys(fields).length === 0 ? answer : copied(answer, fields);
}

/** Where LangChain keeps the ids of the items that calls are for OpenAI Responses. */
const ITEM_IDS: ReadonlySet<string> = new Set(["__openai_function_call_ids__", "__openai_custom_tool_call_ids__"]);

/**
 * Returns true for an answer with neither content nor calls: providers refuse it. Reasoning alone is no content, since
 * providers refuse an answer that ends with it.
 */
export function saysNothing(message: BaseMessage): boolean {
  if (!AIMessage.isInstance(message) || callsOf(message).length > 0) return false;
  const { content } = message;
  const { metadata, kwargs } = partsOf(message);
  // What OpenAI's APIs keep beside the content: spoken answers, refusals, and the calls of built-in tools.
  if (isGiven(kwargs["audio"]) || isGiven(kwargs["refusal"])) return false;
  if (holds(metadata["output"], isSent) || holds(kwargs["tool_outputs"], isSentAlone)) return false;
  if (typeof content === "string") return isBlank(content);
  return (content as readonly Block[]).every((block) => hasNothing(valueOf(block)));
}

function hasNothing(block: Block): boolean {
  if (block["type"] === "refusal") return !isGiven(block["refusal"]);
  return isReasoning(block) || isBlankText(block) || block["type"] === "input_json_delta";
}

/** What a block stands in. */
interface Context {
  readonly blocks: readonly Block[];
  /** Ids of the answer's calls. */
  readonly calls: ReadonlySet<unknown>;
  readonly cut: "interruption" | "token limit" | undefined;
  readonly provider: string;
  /** Whether the results of server-side tools may stand in a later answer. */
  readonly isAwaited: boolean;
}

/** Google accepts its thoughts without a signature, and wherever they stand. */
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

/** Bedrock streams the signature as the last of a run of blocks. */
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

/** Output version v1 wraps a block that it has no name for. */
function valueOf(block: Block | null): Block {
  if (block === null) return {};
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

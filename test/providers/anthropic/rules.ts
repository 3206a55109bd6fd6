// What Anthropic's Messages API refuses, in its words. Consecutive messages of a user are accepted
// (docs: "consecutive user or assistant turns in your request will be combined"), and so is an assistant's message that
// comes first (anthropics/courses#79).
import { findReason, type Rule } from "../support/api.js";
import { signatureOf } from "../support/pieces.js";

interface Block {
  readonly type: string;
  readonly text?: string;
  readonly thinking?: string;
  readonly signature?: string;
  readonly data?: string;
  readonly id?: string;
  readonly name?: string;
  readonly input?: unknown;
  readonly tool_use_id?: string;
}

interface Message {
  readonly role: "user" | "assistant";
  readonly content: string | readonly Block[];
}

export interface Body {
  readonly messages: readonly Message[];
  readonly stream?: boolean;
}

const KNOWN_TYPES = [
  "bash_code_execution_tool_result",
  "code_execution_tool_result",
  "container_upload",
  "document",
  "image",
  "redacted_thinking",
  "search_result",
  "server_tool_use",
  "text",
  "thinking",
  "tool_result",
  "tool_use",
  "web_search_tool_result",
];

const blocksOf = ({ content }: Message): readonly Block[] =>
  typeof content === "string" ? [{ type: "text", text: content }] : content;

const eachBlock =
  (reasonOf: (block: Block, place: string, message: Message) => string | undefined): Rule<Body> =>
  ({ messages }) =>
    findReason(messages, (message, index) =>
      findReason(blocksOf(message), (block, position) =>
        reasonOf(block, `messages.${index}.content.${position}`, message),
      ),
    );

const eachMessage =
  (reasonOf: (message: Message, index: number, messages: readonly Message[]) => string | undefined): Rule<Body> =>
  ({ messages }) =>
    findReason(messages, (message, index) => reasonOf(message, index, messages));

const idsOf = (message: Message | undefined, type: string): string[] =>
  message === undefined
    ? []
    : blocksOf(message).flatMap((block) =>
        block.type === type ? [(type === "tool_use" ? block.id : block.tool_use_id) ?? ""] : [],
      );

export const rules: readonly Rule<Body>[] = [
  // anthropics/claude-code#3196, #6774
  eachMessage(({ role, content }, index, { length }) =>
    content.length === 0 && !(role === "assistant" && index === length - 1)
      ? `messages.${index}: all messages must have non-empty content except for the optional final assistant message`
      : undefined,
  ),
  // anthropics/claude-code#59812, anthropics/anthropic-sdk-python#461
  eachBlock(({ type, text }) =>
    type === "text" && text === "" ? "messages: text content blocks must be non-empty" : undefined,
  ),
  // anthropics/claude-code#23440; LibreChat-AI/agents#124 tried which are accepted: white space beside other text is.
  eachMessage((message) => {
    const texts = blocksOf(message).filter(({ type }) => type === "text");
    return texts.length > 0 && texts.every(({ text = "" }) => text.trim() === "")
      ? "messages: text content blocks must contain non-whitespace text"
      : undefined;
  }),
  // 1Panel-dev/MaxKB#6480
  eachBlock(({ type }, place) =>
    KNOWN_TYPES.includes(type)
      ? undefined
      : `${place}: Input tag '${type}' found using 'type' does not match any of the expected tags: ${KNOWN_TYPES.map((known) => `'${known}'`).join(", ")}`,
  ),
  // justlovemaki/AIClient2API#437, WordPress/ai-provider-for-anthropic#27
  eachBlock(({ type, signature }, place) =>
    type === "thinking" && signature === undefined ? `${place}.thinking.signature: Field required` : undefined,
  ),
  // anthropics/claude-code#10627, anthropics/anthropic-sdk-python#1598: what was said must come back unaltered.
  eachBlock(({ type, thinking = "", signature, data = "" }, place) =>
    (type === "thinking" && signature !== signatureOf(thinking)) ||
    (type === "redacted_thinking" && !data.startsWith("redacted-"))
      ? `${place}: Invalid \`${type === "thinking" ? "signature" : "data"}\` in \`${type}\` block`
      : undefined,
  ),
  // tailcallhq/forgecode#2107, NousResearch/hermes-agent#13010
  eachMessage((message, index) => {
    const last = blocksOf(message).at(-1)?.type ?? "";
    return message.role === "assistant" && ["thinking", "redacted_thinking"].includes(last)
      ? `messages.${index}: The final block in an assistant message cannot be \`thinking\`.`
      : undefined;
  }),
  eachBlock(({ type, input }, place) =>
    ["tool_use", "server_tool_use"].includes(type) && (typeof input !== "object" || input === null)
      ? `${place}.${type}.input: Input should be a valid dictionary`
      : undefined,
  ),
  // anthropics/claude-code#8210, #8612
  eachMessage((message, index, messages) => {
    const answered = idsOf(messages[index + 1], "tool_result");
    const missing = idsOf(message, "tool_use").filter((id) => !answered.includes(id));
    return missing.length > 0
      ? `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(", ")}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`
      : undefined;
  }),
  // anthropics/claude-code#13460, #18947
  ({ messages }) =>
    findReason(messages, (message, index) =>
      findReason(blocksOf(message), ({ type, tool_use_id = "" }, position) =>
        type === "tool_result" && !idsOf(messages[index - 1], "tool_use").includes(tool_use_id)
          ? `messages.${index}.content.${position}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${tool_use_id}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`
          : undefined,
      ),
    ),
  ({ messages }) => {
    const ids = messages.flatMap((message) => idsOf(message, "tool_use"));
    return new Set(ids).size < ids.length ? "messages: `tool_use` ids must be unique" : undefined;
  },
  // AnswerDotAI/lisette#108
  eachMessage((message, index) =>
    findReason(blocksOf(message), ({ type, id = "", name = "" }) =>
      type === "server_tool_use" && !idsOf(message, `${name}_tool_result`).includes(id)
        ? `messages.${index}: \`${name}\` tool use with id \`${id}\` was found without a corresponding \`${name}_tool_result\` block`
        : undefined,
    ),
  ),
  // anthropics/claude-code#64383
  eachBlock(({ type, tool_use_id = "" }, place, message) =>
    type === "web_search_tool_result" &&
    !blocksOf(message).some(({ type: other, id }) => other === "server_tool_use" && id === tool_use_id)
      ? `${place}: unexpected \`tool_use_id\` found in \`${type}\` blocks: ${tool_use_id}. Each \`${type}\` block must have a corresponding \`server_tool_use\` block before it.`
      : undefined,
  ),
];

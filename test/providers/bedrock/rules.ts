// What the Converse API of Amazon Bedrock refuses for Claude, in its words.
import { findReason, type Rule } from "../support/api.js";
import { signatureOf } from "../support/pieces.js";

interface Block {
  readonly text?: string;
  readonly reasoningContent?: {
    readonly reasoningText?: { readonly text: string; readonly signature?: string };
    readonly redactedContent?: string;
  };
  readonly toolUse?: { readonly toolUseId?: string };
  readonly toolResult?: { readonly toolUseId?: string };
}

interface Message {
  readonly role: "user" | "assistant";
  readonly content: readonly Block[];
}

export interface Body {
  readonly messages: readonly Message[];
  readonly toolConfig?: unknown;
}

const callsOf = (message: Message | undefined): string[] =>
  message?.content.flatMap(({ toolUse }) => (toolUse ? [toolUse.toolUseId ?? ""] : [])) ?? [];
const resultsOf = (message: Message | undefined): string[] =>
  message?.content.flatMap(({ toolResult }) => (toolResult ? [toolResult.toolUseId ?? ""] : [])) ?? [];

const eachMessage =
  (reasonOf: (message: Message, index: number, messages: readonly Message[]) => string | undefined): Rule<Body> =>
  ({ messages }) =>
    findReason(messages, (message, index) => reasonOf(message, index, messages));

const eachBlock =
  (reasonOf: (block: Block, place: string) => string | undefined): Rule<Body> =>
  ({ messages }) =>
    findReason(messages, ({ content }, index) =>
      findReason(content, (block, position) => reasonOf(block, `messages.${index}.content.${position}`)),
    );

const BY_MODEL = "The model returned the following errors:";

/** elastic/kibana#284682, langchain-ai/langchain-aws#130: two messages of a user in a row are one too many. */
const alternates: Rule<Body> = ({ messages }) =>
  messages.some(({ role }, index) => role === messages[index - 1]?.role)
    ? "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again."
    : undefined;

export const rules: readonly Rule<Body>[] = [
  // strands-agents/harness-sdk#2085
  ({ messages }) =>
    messages[0]?.role === "user"
      ? undefined
      : "A conversation must start with a user message. Try again with a conversation that starts with a user message.",
  eachMessage(({ content }, index) =>
    content.length === 0
      ? `The content field in the Message object at messages.${index} is empty. Add a ContentBlock object to the content field and try again.`
      : undefined,
  ),
  // aws-samples/bedrock-engineer#8
  eachBlock(({ text }, place) =>
    text !== undefined && text.trim() === ""
      ? `The text field in the ContentBlock object at ${place} is blank. Add text to the text field, and try again.`
      : undefined,
  ),
  // patriceckhart/zot#18
  ({ messages, toolConfig }) =>
    toolConfig === undefined && messages.some((message) => [...callsOf(message), ...resultsOf(message)].length > 0)
      ? "The toolConfig field must be defined when using toolUse and toolResult content blocks."
      : undefined,
  // run-llama/llama_index#20851, maximhq/bifrost#6942
  eachBlock(({ reasoningContent }, place) => {
    const { reasoningText } = reasoningContent ?? {};
    if (reasoningText === undefined) return undefined;
    const { text, signature } = reasoningText;
    if (signature === undefined) return `${BY_MODEL} ${place}.thinking.signature: Field required`;
    return signature === signatureOf(text)
      ? undefined
      : `${BY_MODEL} ${place}: Invalid \`signature\` in \`thinking\` block`;
  }),
  // As Anthropic's own API does, which checks what is passed on to it: tailcallhq/forgecode#2107
  eachMessage(({ role, content }, index) =>
    role === "assistant" && content.at(-1)?.reasoningContent !== undefined
      ? `${BY_MODEL} messages.${index}: The final block in an assistant message cannot be \`thinking\`.`
      : undefined,
  ),
  // agno-agi/agno#6698
  eachMessage((message, index, messages) => {
    const answered = resultsOf(messages[index + 1]);
    const missing = callsOf(message).filter((id) => !answered.includes(id));
    return missing.length > 0
      ? `Expected toolResult blocks at messages.${index + 1}.content for the following Ids: ${missing.join(", ")}`
      : undefined;
  }),
  // strands-agents/harness-sdk#1435
  eachMessage((message, index, messages) => {
    const calls = callsOf(messages[index - 1]);
    return resultsOf(message).some((id) => !calls.includes(id))
      ? `The number of toolResult blocks at messages.${index}.content exceeds the number of toolUse blocks of previous turn.`
      : undefined;
  }),
  alternates,
];

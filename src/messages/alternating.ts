import { AIMessage, type BaseMessage } from "@langchain/core/messages";

// An interrupted turn can leave a question without an answer, or end with the results of its calls. Most providers accept
// the next question after either. Amazon Bedrock's Converse requires an answer in between ("A conversation must alternate
// between user and assistant roles", langchain-ai/langchain-aws#130). Mistral requires an answer after results.

/** The `_llmType` of chat models of LangChain, and the names of providers for `initChatModel`, that require alternation. */
const ALTERNATING: ReadonlySet<unknown> = new Set(["chat_bedrock_converse", "bedrock", "mistral_ai", "mistralai"]);

type Fields = Readonly<Record<string, unknown>>;

/**
 * Returns true if the answering model requires an answer before each question. The runnable may be the model itself, or a
 * binding or sequence that contains it.
 */
export function wantsAlternation(runnable: unknown): boolean {
  if (typeof runnable !== "object" || runnable === null) return false;
  const { _llmType: typeOf, _defaultConfig: configured, bound, steps, runnable: inner } = runnable as Fields;
  if (ALTERNATING.has((configured as Fields | undefined)?.["modelProvider"])) return true;
  if (typeof typeOf === "function") return ALTERNATING.has(typeOf.call(runnable));
  return [bound, inner, ...(Array.isArray(steps) ? (steps as unknown[]) : [])].some(wantsAlternation);
}

/**
 * Returns the past from its first question on, with an answer before each later question.
 *
 * @param said the messages that follow the past.
 */
export function alternating(past: readonly BaseMessage[], said: readonly BaseMessage[] = []): BaseMessage[] {
  const first = [...past, ...said].findIndex(({ type }) => type === "human" || type === "system");
  return past.slice(Math.max(0, first)).flatMap((message, index, all) => {
    const isAnswered = message.type === "ai" || message.type === "system";
    const next = all[index + 1] ?? said[0];
    if (isAnswered || next?.type !== "human") return [message];
    return [message, new AIMessage({ content: "(No answer.)", id: `no-answer-${message.id ?? index}` })];
  });
}

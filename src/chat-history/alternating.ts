import { AIMessage, type BaseMessage } from "@langchain/core/messages";

// An interrupted turn can leave a question without an answer, or end with the results of its calls. Most providers accept
// the next question behind either. Amazon Bedrock's Converse wants an answer in between ("A conversation must alternate
// between user and assistant roles", langchain-ai/langchain-aws#130), and Mistral wants one behind results.

/** What chat models of LangChain call themselves. */
const ALTERNATING: ReadonlySet<unknown> = new Set(["chat_bedrock_converse", "mistral_ai"]);

/** Returns whether the model that answers wants an answer in front of each question: itself, bound, or in a sequence. */
export function wantsAlternation(runnable: unknown): boolean {
  if (typeof runnable !== "object" || runnable === null) return false;
  const { _llmType: typeOf, bound, steps } = runnable as Readonly<Record<string, unknown>>;
  if (typeof typeOf === "function") return ALTERNATING.has(typeOf.call(runnable));
  return wantsAlternation(bound) || (Array.isArray(steps) && steps.some(wantsAlternation));
}

/** Returns the past with an answer in front of each question that has none there; `said` follows it. */
export function alternating(past: readonly BaseMessage[], said: readonly BaseMessage[] = []): BaseMessage[] {
  return past.flatMap((message, index) => {
    const isAnswered = message.type === "ai" || message.type === "system";
    const next = past[index + 1] ?? said[0];
    return isAnswered || next?.type !== "human" ? [message] : [message, new AIMessage("(No answer.)")];
  });
}

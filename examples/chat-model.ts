import type { BaseChatModel } from "@langchain/core/language_models/chat_models";

/** A model of OpenAI when there is a key for it, or else the one that needs neither key nor network. */
export async function chatModel(offline: BaseChatModel): Promise<BaseChatModel> {
  if (!process.env["OPENAI_API_KEY"]) return offline;
  const { ChatOpenAI } = await import("@langchain/openai");
  // It tries up to six times by default, for minutes: whoever waits is told earlier, and can try again.
  return new ChatOpenAI({ model: process.env["OPENAI_MODEL"] ?? "gpt-4o-mini", maxRetries: 1 });
}

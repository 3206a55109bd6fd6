import { SimpleChatModel } from "@langchain/core/language_models/chat_models";
import type { BaseMessage } from "@langchain/core/messages";

/**
 * A chat model for trying things out without a key or a network. It understands two sentences, and what it knows it
 * knows from the messages it is given: without the history it cannot tell the name.
 */
export class OfflineChatModel extends SimpleChatModel {
  constructor() {
    super({});
  }

  override _llmType(): string {
    return "offline";
  }

  override async _call(messages: BaseMessage[]): Promise<string> {
    const said = messages.filter((message) => message.type === "human").map((message) => message.text);
    const latest = said.at(-1) ?? "";
    const name = said.map((text) => /my name is (\p{L}+)/iu.exec(text)?.[1]).findLast(Boolean);
    if (/my name is/iu.test(latest)) return `Nice to meet you, ${name}.`;
    if (/\bmy name\b/iu.test(latest)) return name ? `Your name is ${name}.` : "You have not told me your name.";
    return `I am an offline stand-in for a model. I was given ${messages.length} messages.`;
  }
}

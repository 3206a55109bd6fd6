import type { BaseMessage } from "@langchain/core/messages";

/** `"human: Hi"`, with a mark behind the type of what was interrupted: `"ai!: Hel"`. */
export function lines(messages: readonly BaseMessage[]): string[] {
  return messages.map((message) => {
    const mark = message.response_metadata["interrupted"] === true ? "!" : "";
    return `${message.type}${mark}: ${message.text}`;
  });
}

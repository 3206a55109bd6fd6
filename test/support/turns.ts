import { randomUUID } from "node:crypto";
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";

/** A plain turn: what a user said and what was answered. */
export function turn(text: string): BaseMessage[] {
  return [new HumanMessage(text), new AIMessage(`re: ${text}`)];
}

export function texts(messages: readonly BaseMessage[]): string[] {
  return messages.map((message) => message.text);
}

/** A session id of this test's own: tests share servers, never keys. */
export function freshId(): string {
  return `test-${randomUUID()}`;
}

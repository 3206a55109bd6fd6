import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import type { Session, StoredMessage } from "langchain-redis-sessions";

// What clients see of what is stored.

/** With the end of its lifetime, which was noted when it began: the setting may have changed since. */
export function shownSession(session: Session): Session & { readonly lifetimeEndsAt?: Date } {
  const { lifetimeSeconds } = session.metadata;
  if (typeof lifetimeSeconds !== "number") return session;
  return { ...session, lifetimeEndsAt: new Date(session.startedAt.getTime() + lifetimeSeconds * 1_000) };
}

export interface ShownMessage {
  readonly index: number;
  readonly at: Date;
  readonly type: string;
  readonly text: string;
  /** Of a tool's result: the tool. */
  readonly name?: string;
  readonly toolCalls?: readonly { readonly name: string; readonly args: unknown }[];
  readonly interrupted?: true;
}

export function shownMessage({ index, at, message }: StoredMessage): ShownMessage {
  const calls = AIMessage.isInstance(message) ? (message.tool_calls ?? []) : [];
  return {
    index,
    at,
    type: message.type,
    text: message.text,
    ...(message.type === "tool" && message.name !== undefined ? { name: message.name } : {}),
    ...(calls.length === 0 ? {} : { toolCalls: calls.map(({ name, args }) => ({ name, args })) }),
    ...(isInterrupted(message) ? { interrupted: true as const } : {}),
  };
}

function isInterrupted({ response_metadata }: BaseMessage): boolean {
  return response_metadata["interrupted"] === true;
}

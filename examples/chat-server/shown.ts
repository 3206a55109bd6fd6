import { AIMessage, type BaseMessage, ToolMessage } from "@langchain/core/messages";
import type { CurrentAnswer, Session, StoredMessage } from "langchain-redis-sessions";
import type { PendingCall } from "./agent.js";

// What clients see of what is stored.

/** With the end of its lifetime, which was noted when it began: the setting may have changed since. */
export function shownSession(session: Session): Session & { readonly lifetimeEndsAt?: Date } {
  const { lifetimeSeconds } = session.metadata;
  if (typeof lifetimeSeconds !== "number") return session;
  return { ...session, lifetimeEndsAt: new Date(session.startedAt.getTime() + lifetimeSeconds * 1_000) };
}

export interface ShownMessage {
  readonly index: number;
  /** What edits, regenerations and cuts are named by. */
  readonly position: string;
  readonly at: Date;
  readonly type: string;
  readonly text: string;
  /** Of a tool's result: the tool. */
  readonly name?: string;
  readonly toolCallId?: string;
  readonly failed?: true;
  readonly toolCalls?: readonly { readonly id: string; readonly name: string; readonly args: unknown }[];
  readonly interrupted?: true;
}

export function shownMessage({ index, position, at, message }: StoredMessage): ShownMessage {
  const calls = AIMessage.isInstance(message) ? (message.tool_calls ?? []) : [];
  return {
    index,
    position,
    at,
    type: message.type,
    text: message.text,
    ...(ToolMessage.isInstance(message) ? resultIn(message) : {}),
    ...(calls.length === 0 ? {} : { toolCalls: calls.map(({ id = "", name, args }) => ({ id, name, args })) }),
    ...(isInterrupted(message) ? { interrupted: true as const } : {}),
  };
}

function resultIn({ name, tool_call_id: toolCallId, status }: ToolMessage) {
  return {
    ...(name === undefined ? {} : { name }),
    toolCallId,
    ...(status === "error" ? { failed: true as const } : {}),
  };
}

function isInterrupted({ response_metadata }: BaseMessage): boolean {
  return response_metadata["interrupted"] === true;
}

/** The answer that runs, waits for a person, or broke off and can be asked again. */
export interface ShownAnswer extends Pick<
  CurrentAnswer,
  "operationId" | "state" | "startedAt" | "position" | "replaces"
> {
  readonly message: string;
  /** What a person has to decide, while it waits. */
  readonly approval?: readonly PendingCall[];
}

export function shownAnswer({ question, ...current }: CurrentAnswer, approval: readonly PendingCall[]): ShownAnswer {
  const message = question.map(({ text }) => text).join("\n\n");
  return { ...current, message, ...(current.state === "waiting" ? { approval } : {}) };
}

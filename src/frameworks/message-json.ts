import {
  AIMessage,
  AIMessageChunk,
  type BaseMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage,
} from "@langchain/core/messages";

// This file holds what the library relies on in `toJSON` of LangChain's messages: of a message of these classes it reads
// the fields that `lc_kwargs` names, from the message itself if it has them, and nothing else that changes. The canary
// in test/frameworks fails when a version of LangChain reads more.

const prototypes: ReadonlySet<object> = new Set(
  [AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage].map(({ prototype }) => prototype),
);

/**
 * Returns the names of the fields that `toJSON` reads. Returns `undefined` for a message of another class, which may
 * read anything.
 */
export function jsonNames(message: BaseMessage): readonly string[] | undefined {
  if (!prototypes.has(Object.getPrototypeOf(message) as object) || Object.hasOwn(message, "toJSON")) return undefined;
  return Object.keys(message.lc_kwargs);
}

/** Returns a field as `toJSON` reads it. */
export function jsonField(message: BaseMessage, name: string): unknown {
  return name in message ? message[name as keyof BaseMessage] : (message.lc_kwargs as Record<string, unknown>)[name];
}

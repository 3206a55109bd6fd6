import type { BaseMessage } from "@langchain/core/messages";
import { decodeMessage } from "../../src/codec/decode.js";
import { encodeMessage } from "../../src/codec/encode.js";

export const APPENDED_AT = 1_732_217_582_123;

/** What the append script stores: it closes the object that encoding leaves open. */
export function storedText(message: BaseMessage): string {
  return `${encodeMessage(message, 0)},"at":${APPENDED_AT}}`;
}

export function reload(message: BaseMessage): BaseMessage {
  return decodeMessage(storedText(message), 0).message;
}

const MACHINERY = new Set([
  "lc_kwargs",
  "lc_namespace",
  "lc_serializable",
  "lc_direct_tool_output",
  "tool_call_chunks",
]);

/** All own fields but LangChain's machinery, so that comparing two messages compares everything they carry. */
export function fieldsOf(message: BaseMessage): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(message).filter(([name, value]) => value !== undefined && !MACHINERY.has(name)),
  );
}

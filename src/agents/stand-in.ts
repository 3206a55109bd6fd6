import type { BaseMessage } from "@langchain/core/messages";

/**
 * Returns true for what stands in the state for messages that are stored as they were: `summarizationMiddleware` gives
 * its summary the id of the first message that it summed up; `contextEditingMiddleware` clears results of tools, and
 * arguments of calls.
 */
export function isStandIn({ additional_kwargs, response_metadata }: BaseMessage): boolean {
  return additional_kwargs["lc_source"] === "summarization" || response_metadata["context_editing"] !== undefined;
}

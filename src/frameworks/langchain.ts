import type { BaseMessage } from "@langchain/core/messages";

// This file holds everything that depends on internals of the package langchain, which this library does not import.
// The canaries in test/frameworks fail when a version of langchain changes any of it.

/**
 * Returns true for a message of the state that stands in for stored messages, which are kept as they were.
 * `summarizationMiddleware` gives its summary the id of the first message that it summarised.
 * `contextEditingMiddleware` clears the results of tools and the arguments of tool calls.
 */
export function isStandIn({ additional_kwargs, response_metadata }: BaseMessage): boolean {
  return additional_kwargs["lc_source"] === "summarization" || response_metadata["context_editing"] !== undefined;
}

/** Returns true for an agent of `createAgent`, which has `invoke()` and `stream()` but is not a Runnable. */
export function isAgent(value: unknown): boolean {
  return typeof value === "object" && value !== null && "graph" in value && !("lc_runnable" in value);
}

/**
 * Returns true for the config with which an agent of `createAgent` reads its thread before it starts with an input. An
 * agent that resumes does not read first. Other reads differ: `getState` has no `ls_agent_type`, a run has a `writer`,
 * and an agent inside a graph has `__pregel_read`. (`updateState` of the agent's graph reads in the same way.)
 */
export function looksBeforeInput(config: object): boolean {
  const { configurable = {} } = config as { readonly configurable?: Readonly<Record<string, unknown>> };
  return (
    configurable["ls_agent_type"] !== undefined &&
    !("writer" in config) &&
    ["__pregel_read", "checkpoint_id"].every((name) => configurable[name] === undefined)
  );
}

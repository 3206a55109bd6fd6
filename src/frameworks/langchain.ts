import type { BaseMessage } from "@langchain/core/messages";

// Everything in which this library depends on internals of the package langchain, which it need not import. The canaries in
// test/frameworks fail when a version of langchain changes one of these.

/**
 * Returns true for a message of the state that stands for messages which are stored as they were.
 * `summarizationMiddleware` gives its summary the id of the first message that it summed up. `contextEditingMiddleware`
 * clears results of tools, and arguments of calls.
 */
export function isStandIn({ additional_kwargs, response_metadata }: BaseMessage): boolean {
  return additional_kwargs["lc_source"] === "summarization" || response_metadata["context_editing"] !== undefined;
}

/** Returns true for an agent of `createAgent`: it has `invoke()` and `stream()`, and is not a Runnable. */
export function isAgent(value: unknown): boolean {
  return typeof value === "object" && value !== null && "graph" in value && !("lc_runnable" in value);
}

/**
 * Returns true for the config with which an agent of `createAgent` looks at its thread before it begins with an input. It does
 * not look before it resumes. A look from outside (`getState`) has no `ls_agent_type`, the run itself has a `writer`, and an
 * agent inside a graph has `__pregel_read`. (`updateState` of the agent's graph looks in the same way.)
 */
export function looksBeforeInput(config: object): boolean {
  const { configurable = {} } = config as { readonly configurable?: Readonly<Record<string, unknown>> };
  return (
    configurable["ls_agent_type"] !== undefined &&
    !("writer" in config) &&
    ["__pregel_read", "checkpoint_id"].every((name) => configurable[name] === undefined)
  );
}

import { AIMessageChunk, isBaseMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { isObject } from "../codec/json.js";

// A graph of LangGraph streams what it is asked for. Updates, tokens and the like do not tell what the turn came to, so it
// is asked for its state besides, which its reader does not see.

interface GraphOptions {
  readonly streamMode?: string | readonly string[] | undefined;
  readonly subgraphs?: boolean | undefined;
}

/** A stream as it is read, and what was read so far. */
export interface ReadStream<Chunk> {
  readonly chunks: AsyncGenerator<Chunk>;
  readonly output: () => Chunk | undefined;
}

interface GraphStream<Chunk> {
  /** What the graph is to be streamed with. */
  readonly config: RunnableConfig;
  readonly read: (stream: AsyncIterable<unknown>) => ReadStream<Chunk>;
}

function isGraph(runnable: object): boolean {
  return "lg_is_pregel" in runnable;
}

/** Whether it is a graph, or has one inside: bound, or as a step of a sequence. */
export function holdsGraph(runnable: unknown): boolean {
  if (!isObject(runnable)) return false;
  const { bound, steps } = runnable;
  return isGraph(runnable) || holdsGraph(bound) || (Array.isArray(steps) && steps.some(holdsGraph));
}

/** Absent for what is no graph. */
export function graphStream<Chunk>(
  runnable: object,
  config: RunnableConfig & GraphOptions,
  outputMessagesKey = "messages",
): GraphStream<Chunk> | undefined {
  if (!isGraph(runnable)) return undefined;
  const graph = runnable as GraphOptions & { readonly config?: GraphOptions };
  const named = config.streamMode ?? graph.config?.streamMode;
  const asked = [named ?? graph.streamMode ?? []].flat();
  const subgraphs = config.subgraphs ?? graph.config?.subgraphs ?? false;
  /** As the reader would get it from the graph: in one mode, bare. */
  const shown = (chunk: readonly unknown[], namespace: unknown): unknown => {
    if (typeof named === "object") return chunk;
    return subgraphs ? [namespace, chunk.at(-1)] : chunk.at(-1);
  };
  const streamMode = [...new Set([...asked, "updates", "values"])];
  return {
    config: Object.assign({ ...config }, { streamMode }),
    read: (stream) => {
      const progress = new Progress<Chunk>(outputMessagesKey);
      async function* chunks(): AsyncGenerator<Chunk> {
        for await (const chunk of stream as AsyncIterable<unknown[]>) {
          const [payload, mode, namespace = []] = chunk.toReversed();
          if ((namespace as unknown[]).length === 0) progress.see(mode, payload);
          if (asked.includes(String(mode))) yield shown(chunk, namespace) as Chunk;
        }
      }
      return { chunks: chunks(), output: () => progress.output() };
    },
  };
}

/** How far a graph has come: its state, and what was done and said since. */
class Progress<State> {
  readonly #key: string;
  #state: State | undefined;
  #pause = {};
  #done: unknown[] = [];
  /** What models have said so far: by the task that asked, and the id of the message. */
  #said = new Map<string, { readonly node: unknown; readonly message: AIMessageChunk }>();

  constructor(key: string) {
    this.#key = key;
  }

  see(mode: unknown, payload: unknown): void {
    if (mode === "values" && isPaused(payload)) {
      this.#pause = payload;
    } else if (mode === "values") {
      this.#state = payload as State;
      this.#done = [];
      this.#said.clear();
    } else if (mode === "updates") {
      for (const [node, updates] of Object.entries(payload as object)) {
        const messages = [updates].flat().flatMap((update) => (isObject(update) ? (update[this.#key] ?? []) : []));
        for (const message of messages) if (isBaseMessage(message)) this.#heard(node, message.id);
        this.#done.push(...messages);
      }
    } else if (mode === "messages") {
      const [part, metadata] = payload as [unknown, Readonly<Record<string, unknown>> | undefined];
      if (!AIMessageChunk.isInstance(part)) return;
      const name = JSON.stringify([metadata?.["langgraph_checkpoint_ns"], part.id]);
      const before = this.#said.get(name)?.message;
      this.#said.set(name, { node: metadata?.["langgraph_node"], message: before?.concat(part) ?? part });
    }
  }

  /** A message of that node, or of a graph inside it, is in an update now: what was said of it is no longer needed. */
  #heard(node: string, id: string | undefined): void {
    const said = [...this.#said].filter(([, { message }]) => message.id === id);
    const ofNode = said.filter(([, one]) => one.node === node);
    for (const [name] of ofNode.length > 0 ? ofNode : said) this.#said.delete(name);
  }

  output(): State | undefined {
    const since = [...this.#done, ...[...this.#said.values()].map(({ message }) => message)];
    if (!isObject(this.#state)) return this.#state;
    const state: State & Record<string, unknown> = { ...this.#state, ...this.#pause };
    if (since.length === 0) return state;
    const messages = [state[this.#key] ?? []].flat();
    return { ...state, [this.#key]: [...messages, ...since] };
  }
}

/** A graph that waits for a human says so: beside its state, and when it is streamed in its place. */
export function isPaused(payload: unknown): payload is object {
  return isObject(payload) && "__interrupt__" in payload;
}

import { AIMessageChunk, isBaseMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";

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

/** Absent for what is no graph. */
export function graphStream<Chunk>(
  runnable: object,
  config: RunnableConfig & GraphOptions,
  outputMessagesKey = "messages",
): GraphStream<Chunk> | undefined {
  if (!("lg_is_pregel" in runnable)) return undefined;
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
  /** By the ids of their messages. */
  #said = new Map<string | undefined, AIMessageChunk>();

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
      const updates = Object.values(payload as object) as unknown[];
      const messages = updates.flat().flatMap((update) => (isObject(update) ? (update[this.#key] ?? []) : []));
      for (const message of messages) if (isBaseMessage(message)) this.#said.delete(message.id);
      this.#done.push(...messages);
    } else if (mode === "messages") {
      const [part] = payload as unknown[];
      if (!AIMessageChunk.isInstance(part)) return;
      const before = this.#said.get(part.id);
      this.#said.set(part.id, before?.concat(part) ?? part);
    }
  }

  output(): State | undefined {
    const since = [...this.#done, ...this.#said.values()];
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

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

import { AIMessageChunk, isBaseMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { isObject } from "../codec/json.js";
import { asAsked, askedStream, type GraphOptions, isPaused, partsOf, saidPartOf } from "../frameworks/langgraph.js";
import type { StreamSource } from "./streamed-output.js";

/**
 * Returns a source that asks a graph of LangGraph for its state besides the stream modes of the reader, because updates and
 * tokens alone do not show the outcome of the turn. The reader receives only the modes that it asked for.
 */
export function graphSource<Chunk>(
  graph: object,
  config: RunnableConfig & GraphOptions,
  outputMessagesKey = "messages",
): StreamSource<Chunk> {
  const asked = askedStream(graph, config);
  const progress = new Progress<Chunk>(outputMessagesKey);
  return {
    config: Object.assign({ ...config }, { streamMode: [...new Set([...asked.modes, "updates", "values"])] }),
    async *read(stream) {
      for await (const chunk of stream as AsyncIterable<unknown[]>) {
        const { mode, payload, namespace } = partsOf(chunk);
        if (namespace.length === 0) progress.see(mode, payload);
        if (asked.modes.includes(String(mode))) yield asAsked(chunk, asked) as Chunk;
      }
    },
    output: () => progress.output(),
  };
}

/** The progress of a graph: its latest state, and the messages since. */
class Progress<State> {
  readonly #key: string;
  #state: State | undefined;
  #pause = {};
  #done: unknown[] = [];
  /** The streamed parts of answers, by the task that called the model and the id of the message. */
  #said = new Map<string, { readonly node: unknown; readonly message: AIMessageChunk }>();

  constructor(key: string) {
    this.#key = key;
  }

  see(mode: unknown, payload: unknown): void {
    // Both modes report a pause, one after the other. The reader may leave in between, so the first one counts.
    if ((mode === "values" || mode === "updates") && isPaused(payload)) this.#pause = payload;
    else if (mode === "values") this.#begin(payload as State);
    else if (mode === "updates") this.#do(payload as object);
    else if (mode === "messages") this.#hear(payload);
  }

  output(): State | undefined {
    const since = [...this.#done, ...[...this.#said.values()].map(({ message }) => message)];
    if (!isObject(this.#state)) return this.#state;
    const state: State & Record<string, unknown> = { ...this.#state, ...this.#pause };
    if (since.length === 0) return state;
    const messages = [state[this.#key] ?? []].flat();
    return { ...state, [this.#key]: [...messages, ...since] };
  }

  #begin(state: State): void {
    this.#state = state;
    this.#done = [];
    this.#said.clear();
  }

  #do(updatesOfNodes: object): void {
    for (const [node, updates] of Object.entries(updatesOfNodes)) {
      const messages = [updates].flat().flatMap((update) => (isObject(update) ? (update[this.#key] ?? []) : []));
      for (const message of messages) if (isBaseMessage(message)) this.#forgetSaid(node, message.id);
      this.#done.push(...messages);
    }
  }

  #hear(payload: unknown): void {
    const { part, node, task } = saidPartOf(payload);
    if (!AIMessageChunk.isInstance(part)) return;
    const name = JSON.stringify([task, part.id]);
    const before = this.#said.get(name)?.message;
    this.#said.set(name, { node, message: before?.concat(part) ?? part });
  }

  /** Drops the streamed parts of a message, because an update of that node, or of a graph inside it, has the message. */
  #forgetSaid(node: string, id: string | undefined): void {
    const said = [...this.#said].filter(([, { message }]) => message.id === id);
    const ofNode = said.filter(([, one]) => one.node === node);
    for (const [name] of ofNode.length > 0 ? ofNode : said) this.#said.delete(name);
  }
}

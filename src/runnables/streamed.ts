import { raceWithSignal, type Runnable, type RunnableConfig } from "@langchain/core/runnables";
import { concat } from "@langchain/core/utils/stream";

/** What a runnable streams, and what that makes together: its output, or the part of it so far. */
export interface Streamed<Chunk> {
  readonly chunks: AsyncIterable<Chunk>;
  readonly output: () => Chunk | undefined;
}

/** Ends when the signal aborts, also when the runnable does not heed it. */
export async function streamed<Input, Chunk>(
  runnable: Runnable<Input, Chunk>,
  input: Input,
  config: RunnableConfig & GraphOptions & { readonly signal: AbortSignal },
): Promise<Streamed<Chunk>> {
  const modes = modesOf(runnable, config);
  const asked = modes ? { ...config, streamMode: [...new Set([...modes.asked, "values"])] } : config;
  const stream = await raceWithSignal(runnable.stream(input, asked), config.signal);
  const { chunks, output } = modes ? ofGraph<Chunk>(stream as AsyncIterable<unknown>, modes) : ofAny(stream);
  return { chunks: heeding(chunks, config.signal), output };
}

function ofAny<Chunk>(stream: AsyncIterable<Chunk>): {
  chunks: AsyncGenerator<Chunk>;
  output: () => Chunk | undefined;
} {
  const seen: Chunk[] = [];
  return { chunks: observed(stream, (chunk) => seen.push(chunk)), output: () => joined(seen) };
}

async function* observed<Chunk>(stream: AsyncIterable<Chunk>, see: (chunk: Chunk) => unknown): AsyncGenerator<Chunk> {
  for await (const chunk of stream) {
    see(chunk);
    yield chunk;
  }
}

/** What the chunks of a stream make together. */
function joined<Chunk>(chunks: readonly Chunk[]): Chunk | undefined {
  const [first, ...others] = chunks;
  return first === undefined ? undefined : others.reduce(added, first);
}

function added<Chunk>(sum: Chunk, chunk: Chunk): Chunk {
  try {
    return concat(sum, chunk);
  } catch {
    return chunk; // No sum of these: the last one counts.
  }
}

/** Of a graph of LangGraph: what its reader wants to see, and in which form. */
interface Modes {
  readonly asked: readonly string[];
  /** One mode: its chunks come bare. */
  readonly single: boolean;
  readonly withSubgraphs: boolean;
}

interface GraphOptions {
  readonly streamMode?: string | readonly string[] | undefined;
  readonly subgraphs?: boolean | undefined;
}

/** Absent for what is no graph. */
function modesOf(runnable: object, config: GraphOptions): Modes | undefined {
  if (!("lg_is_pregel" in runnable)) return undefined;
  const graph = runnable as GraphOptions & { readonly config?: GraphOptions };
  const named = config.streamMode ?? graph.config?.streamMode;
  return {
    asked: [named ?? graph.streamMode ?? []].flat(),
    single: named === undefined || typeof named === "string",
    withSubgraphs: config.subgraphs ?? graph.config?.subgraphs ?? false,
  };
}

/** Updates, tokens and the like do not tell what the turn came to, so the graph is asked for its state besides. */
function ofGraph<Chunk>(
  stream: AsyncIterable<unknown>,
  { asked, single, withSubgraphs }: Modes,
): { chunks: AsyncGenerator<Chunk>; output: () => Chunk | undefined } {
  let state: Chunk | undefined;
  async function* chunks(): AsyncGenerator<Chunk> {
    for await (const chunk of stream) {
      const [payload, mode, namespace] = (chunk as unknown[]).toReversed();
      const ofSubgraph = Array.isArray(namespace) && namespace.length > 0;
      if (mode === "values" && !ofSubgraph && !isPause(payload)) state = payload as Chunk;
      if (!asked.includes(String(mode))) continue;
      const shown = withSubgraphs ? [namespace, payload] : payload;
      yield (single ? shown : chunk) as Chunk;
    }
  }
  return { chunks: chunks(), output: () => state };
}

/** A graph that waits for a human says so in place of its state. */
function isPause(payload: unknown): boolean {
  return typeof payload === "object" && payload !== null && "__interrupt__" in payload;
}

/** Also where a runnable does not heed the signal; and who leaves does not wait for it to stop. */
function heeding<Chunk>(chunks: AsyncGenerator<Chunk>, signal: AbortSignal): AsyncIterable<Chunk> {
  const iterator: AsyncIterator<Chunk> = {
    next: () => raceWithSignal(chunks.next(), signal),
    return: async (value) => {
      chunks.return(undefined).catch(() => {});
      return { done: true, value };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

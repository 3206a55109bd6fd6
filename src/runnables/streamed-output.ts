import { raceWithSignal, type Runnable, type RunnableConfig } from "@langchain/core/runnables";
import { type Adding, adderOf } from "../frameworks/langchain-core.js";
import { isGraph } from "../frameworks/langgraph.js";
import { graphSource } from "./graph-stream.js";

/** The way in which a runnable is streamed, and its stream is read. */
export interface StreamSource<Chunk> {
  /** The config with which the runnable is streamed. */
  readonly config: RunnableConfig;
  /** Yields the chunks that the reader asked for, and keeps note of all chunks. */
  read(stream: AsyncIterable<unknown>): AsyncGenerator<Chunk>;
  /** Returns the sum of the chunks so far: the output, or a part of it. */
  output(): Chunk | undefined;
}

/** The chunks of a runnable, and their sum. */
export interface StreamedOutput<Chunk> {
  readonly chunks: AsyncIterable<Chunk>;
  readonly output: () => Chunk | undefined;
}

/** Streams the runnable. The stream ends when the signal aborts, even if the runnable does not heed it. */
export async function streamedOutput<Input, Chunk>(
  runnable: Runnable<Input, Chunk>,
  input: Input,
  config: RunnableConfig & { readonly signal: AbortSignal },
  outputMessagesKey: string | undefined,
): Promise<StreamedOutput<Chunk>> {
  const source = isGraph(runnable)
    ? graphSource<Chunk>(runnable, config, outputMessagesKey)
    : sumSource(runnable, config);
  const stream = await raceWithSignal(runnable.stream(input, source.config), config.signal);
  return { chunks: heeding(source.read(stream), config.signal), output: () => source.output() };
}

/** Keeps the chunks, and adds them up as the runnable adds them. */
function sumSource<Chunk>(runnable: Runnable<never, Chunk>, config: RunnableConfig): StreamSource<Chunk> {
  const seen: Chunk[] = [];
  return {
    config,
    async *read(stream) {
      for await (const chunk of stream as AsyncIterable<Chunk>) {
        seen.push(chunk);
        yield chunk;
      }
    },
    output: () => sumOf(runnable, seen),
  };
}

function sumOf<Chunk>(runnable: Adding, chunks: readonly Chunk[]): Chunk | undefined {
  const [first, ...others] = chunks;
  const adder = adderOf(runnable);
  return first === undefined ? undefined : others.reduce((sum, chunk) => added(adder, sum, chunk), first);
}

function added<Chunk>(adder: Adding, sum: Chunk, chunk: Chunk): Chunk {
  try {
    return adder._concatOutputChunks(sum, chunk);
  } catch {
    return chunk; // Chunks that cannot be added replace each other, so the last one counts.
  }
}

/** Stops at the signal even if the runnable does not heed it. A reader that leaves does not wait for the runnable. */
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

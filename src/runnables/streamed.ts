import { raceWithSignal, type Runnable, type RunnableConfig } from "@langchain/core/runnables";
import { graphStream, type ReadStream } from "./graph-stream.js";

/** What a runnable streams, and what that makes together: its output, or the part of it so far. */
export interface Streamed<Chunk> {
  readonly chunks: AsyncIterable<Chunk>;
  readonly output: () => Chunk | undefined;
}

/** Ends when the signal aborts, also when the runnable does not heed it. */
export async function streamed<Input, Chunk>(
  runnable: Runnable<Input, Chunk>,
  input: Input,
  config: RunnableConfig & { readonly signal: AbortSignal },
  outputMessagesKey: string | undefined,
): Promise<Streamed<Chunk>> {
  const graph = graphStream<Chunk>(runnable, config, outputMessagesKey);
  const stream = await raceWithSignal(runnable.stream(input, graph?.config ?? config), config.signal);
  const { chunks, output } = graph?.read(stream) ?? ofAny(runnable, stream);
  return { chunks: heeding(chunks, config.signal), output };
}

function ofAny<Chunk>(runnable: Adding, stream: AsyncIterable<Chunk>): ReadStream<Chunk> {
  const seen: Chunk[] = [];
  return { chunks: observed(stream, (chunk) => seen.push(chunk)), output: () => joined(runnable, seen) };
}

async function* observed<Chunk>(stream: AsyncIterable<Chunk>, see: (chunk: Chunk) => unknown): AsyncGenerator<Chunk> {
  for await (const chunk of stream) {
    see(chunk);
    yield chunk;
  }
}

/** A runnable says what its chunks make together: of a JsonOutputParser, each one is the whole so far. */
type Adding = Pick<Runnable, "_concatOutputChunks">;

/** Returns what says how the chunks are added: of a runnable with fallbacks, the one in front of these. */
export function adderOf(runnable: Adding): Adding {
  return "fallbacks" in runnable && "runnable" in runnable ? adderOf(runnable.runnable as Adding) : runnable;
}

function joined<Chunk>(runnable: Adding, chunks: readonly Chunk[]): Chunk | undefined {
  const [first, ...others] = chunks;
  return first === undefined ? undefined : others.reduce((sum, chunk) => added(runnable, sum, chunk), first);
}

function added<Chunk>(runnable: Adding, sum: Chunk, chunk: Chunk): Chunk {
  try {
    return adderOf(runnable)._concatOutputChunks(sum, chunk);
  } catch {
    return chunk; // No sum of these: the last one counts.
  }
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

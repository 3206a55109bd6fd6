import type { RunnableConfig } from "@langchain/core/runnables";
import { AsyncGeneratorWithSetup, IterableReadableStream } from "@langchain/core/utils/stream";

/**
 * What `Runnable.stream()` makes of a generator, except that who breaks out of the stream does not wait for a model that
 * is slow with its next chunk: it is stopped.
 */
export async function readable<Chunk>(
  generator: AsyncGenerator<Chunk>,
  config: RunnableConfig,
  stop: AbortController,
): Promise<IterableReadableStream<Chunk>> {
  const chunks = new AsyncGeneratorWithSetup<undefined, Chunk, undefined>({ generator, config });
  await chunks.setup;
  chunks.return = async (value) => {
    const reason = leaving();
    stop.abort(reason);
    // Thrown rather than returned, so that tracers see the run end.
    await chunks.throw(reason).catch(() => {});
    return { done: true, value };
  };
  return IterableReadableStream.fromAsyncGenerator(chunks as AsyncGenerator<Chunk>);
}

/** Why a runnable is stopped of which nobody wants to hear the rest. */
export function leaving(): Error {
  return new Error("The stream was left before its end.");
}

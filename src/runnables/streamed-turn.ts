import type { Runnable, RunnableConfig } from "@langchain/core/runnables";
import { AsyncGeneratorWithSetup, IterableReadableStream } from "@langchain/core/utils/stream";
import type { RunningTurn } from "./running-turn.js";
import { type StreamedOutput, streamedOutput } from "./streamed-output.js";

/** A stream that is not read for this time counts as left, because its reader may be gone without a signal. */
const MAX_PAUSE_MILLISECONDS = 600_000;

/**
 * Streams the runnable's answer, and stores the turn before the stream closes. The turn ends with the stream: if the turn is
 * aborted, fails, or loses its reader, it is closed with the answer so far.
 *
 * @param stop aborts the turn's signal.
 */
export async function* streamedTurn<RunInput, RunOutput>(
  running: RunningTurn<RunInput, RunOutput>,
  runnable: Runnable<RunInput, RunOutput>,
  outputMessagesKey: string | undefined,
  stop: AbortController,
): AsyncGenerator<RunOutput> {
  let answer: StreamedOutput<RunOutput> | undefined;
  let isLeft = true;
  let pause: NodeJS.Timeout | undefined;
  const close = (): Promise<void> => {
    clearTimeout(pause);
    return running.close(() => answer?.output());
  };
  // No reader asks an aborted stream for its next chunk, so the code below would not run. Close the turn here.
  const onAbort = (): void => void close();
  running.signal.addEventListener("abort", onAbort, { once: true });
  try {
    running.signal.throwIfAborted();
    answer = await streamedOutput(runnable, running.input, running.config, outputMessagesKey);
    for await (const chunk of answer.chunks) {
      pause = setTimeout(() => stop.abort(unread()), MAX_PAUSE_MILLISECONDS).unref();
      yield chunk;
      clearTimeout(pause);
    }
    // The signal may have aborted after the last chunk. Then `close` is already storing the answer so far.
    running.signal.throwIfAborted();
    await running.store(answer.output());
    isLeft = false;
  } finally {
    running.signal.removeEventListener("abort", onAbort);
    if (isLeft) stop.abort(leaving());
    await close();
  }
}

/**
 * Makes a stream of a generator, as `Runnable.stream()` does. In contrast to that, a reader that breaks out of the stream
 * does not wait for the next chunk of a slow model, because the model is stopped.
 */
export async function readableTurn<Chunk>(
  generator: AsyncGenerator<Chunk>,
  config: RunnableConfig,
  stop: AbortController,
): Promise<IterableReadableStream<Chunk>> {
  const chunks = new AsyncGeneratorWithSetup<undefined, Chunk, undefined>({ generator, config });
  await chunks.setup;
  chunks.return = async (value) => {
    const reason = leaving();
    stop.abort(reason);
    // Throw the reason into the generator, so that tracers see the run end.
    await chunks.throw(reason).catch(() => {});
    return { done: true, value };
  };
  return IterableReadableStream.fromAsyncGenerator(chunks as AsyncGenerator<Chunk>);
}

function leaving(): Error {
  return new Error("The reader left the stream before its end.");
}

function unread(): Error {
  return new Error("The stream was stopped because it was not read for ten minutes.");
}

import type { Runnable, RunnableConfig } from "@langchain/core/runnables";
import { AsyncGeneratorWithSetup, IterableReadableStream } from "@langchain/core/utils/stream";
import type { RunningTurn } from "./running-turn.js";
import { type StreamedOutput, streamedOutput } from "./streamed-output.js";

/** A stream that is not read for this long counts as left, because its reader may be gone without a signal. */
const MAX_PAUSE_MILLISECONDS = 600_000;

/**
 * Streams the runnable's answer of a turn, and stores the turn before the stream closes. However the stream ends, the turn
 * ends: a turn that is aborted, fails, or loses its reader is closed with the part of the answer that there is.
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
  // Nobody asks an aborted stream for its next chunk, so nothing below would run.
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
    // The abort may come just now. Then the part of the answer is being stored already.
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
 * Makes a stream of a generator, as `Runnable.stream()` does. In difference to that, a reader who breaks out of the stream
 * does not wait for the next chunk of a slow model: the model is stopped.
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
    // The reason is thrown, so that tracers see the run end.
    await chunks.throw(reason).catch(() => {});
    return { done: true, value };
  };
  return IterableReadableStream.fromAsyncGenerator(chunks as AsyncGenerator<Chunk>);
}

function leaving(): Error {
  return new Error("The stream was left before its end.");
}

function unread(): Error {
  return new Error("Nobody read the stream for ten minutes; it was taken for left.");
}

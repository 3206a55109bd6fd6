import type { AnswerEvent } from "../answers/follow.js";
import { isLangChainRedisError } from "../errors.js";
import { shared } from "../options/shared-signal.js";

/** The longest silence of the stream. Many proxies close a connection after 30 or 60 seconds of silence. */
const HEARTBEAT_MILLISECONDS = 15_000;
/** A comment. Clients ignore it. */
const COMMENT = ":\n\n";

/** The events of an answer, and the signals that end them. */
export interface FollowedEvents {
  readonly events: AsyncGenerator<AnswerEvent, void>;
  /** Ends `events` when it is aborted. The stream aborts it when the reader leaves. */
  readonly leaving: AbortController;
  /** Ends the stream. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Returns the events of an answer as server-sent events. The stream asks for an event only when its reader has taken the
 * previous one, so the stream of a slow reader buffers one event.
 */
export function eventStream(followed: FollowedEvents): ReadableStream<Uint8Array> {
  const texts = serverSentEvents(followed);
  const encoder = new TextEncoder();
  let hasLeft = false;
  return new ReadableStream<Uint8Array>({
    // Send a first byte, and the headers with it, at once, so that the client knows that it is connected.
    start: (controller) => controller.enqueue(encoder.encode(COMMENT)),
    pull: async (controller) => {
      const { done, value } = await texts.next();
      if (hasLeft) return;
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    cancel: () => {
      hasLeft = true;
      // The signal wakes the generator when it waits for an event, and `return` ends it when it waits for its reader.
      followed.leaving.abort();
      void texts.return();
    },
  });
}

async function* serverSentEvents({ events, leaving, signal }: FollowedEvents): AsyncGenerator<string, void> {
  const leave = (): void => leaving.abort();
  if (signal?.aborted === true) leave();
  shared(signal)?.addEventListener("abort", leave, { once: true });
  try {
    for (let next = events.next(); ;) {
      const found = await beforeHeartbeat(next);
      if (found?.done === true) return;
      yield found === undefined ? COMMENT : textOf(found.value);
      if (found !== undefined) next = events.next();
    }
  } catch (error) {
    // Any other error is a fault of the program. It breaks the connection, and the framework reports it.
    if (!isLangChainRedisError(error)) throw error;
    yield eventText("error", { code: error.code });
  } finally {
    signal?.removeEventListener("abort", leave);
    void events.return();
  }
}

/** Returns the next event, or `undefined` if none has come within the longest silence. */
async function beforeHeartbeat<Result>(next: Promise<Result>): Promise<Result | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), HEARTBEAT_MILLISECONDS).unref();
  });
  try {
    return await Promise.race([next, silence]);
  } finally {
    clearTimeout(timer);
  }
}

function textOf(event: AnswerEvent): string {
  const { id } = event;
  if ("event" in event) return eventText("", event.event, id);
  if ("end" in event) return eventText("end", { end: event.end, position: event.position }, id);
  // A browser ignores an event without data.
  return eventText("missed" in event ? "missed" : "truncated", {}, id);
}

/** Returns the text of one event. The data is JSON, which has no line breaks, so it cannot look like another event. */
function eventText(name: string, data: unknown, id = ""): string {
  const head = (name === "" ? "" : `event: ${name}\n`) + (id === "" ? "" : `id: ${id}\n`);
  return `${head}data: ${JSON.stringify(data)}\n\n`;
}

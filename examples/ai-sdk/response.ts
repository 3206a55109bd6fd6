import { createUIMessageStreamResponse, type UIMessageChunk } from "ai";
import type { AnswerEnd, AnswerEvent } from "langchain-redis-sessions";

/** How a message ends. It is finished when its turn is stored, and not before. */
const lastChunks: Record<AnswerEnd, UIMessageChunk> = {
  stored: { type: "finish" },
  waiting: { type: "finish" },
  stopped: { type: "abort" },
  superseded: { type: "abort" },
  gone: { type: "abort" },
  interrupted: { type: "error", errorText: "The answer broke off. Ask again." },
  failed: { type: "error", errorText: "The answer could not be stored. Ask again." },
};

/** Returns the chunks of an answer in the protocol of the AI SDK. A reader that leaves does not stop the answer. */
export function uiMessageResponse(follow: (signal: AbortSignal) => AsyncIterable<AnswerEvent>): Response {
  const leaving = new AbortController();
  const chunks = chunksOf(follow(leaving.signal));
  const stream = new ReadableStream<UIMessageChunk>({
    pull: async (controller) => {
      const { done, value } = await chunks.next();
      if (leaving.signal.aborted) return;
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    cancel: async () => {
      leaving.abort();
      await chunks.return();
    },
  });
  const headers = { "Cache-Control": "no-cache, no-transform" };
  return createUIMessageStreamResponse({ stream, headers, keepAliveMs: 15_000 });
}

async function* chunksOf(events: AsyncIterable<AnswerEvent>): AsyncGenerator<UIMessageChunk, void> {
  for await (const event of events) {
    if ("event" in event) yield event.event as UIMessageChunk;
    else if ("end" in event) yield lastChunks[event.end];
    else {
      // Not all of it was logged. What is stored in the end is whole.
      yield { type: "error", errorText: "A part of the answer is missing here. Load the chat again." };
      return;
    }
  }
}

// Streams of other packages that can be followed from another process, for comparison: `node test/prepare.mjs --savers`
// installs them here, and nothing else needs them. The types are those that are used of them.
import { existsSync } from "node:fs";
import path from "node:path";
import type { Redis } from "ioredis";

export const RESUMABLE_STREAM = "resumable-stream";
export const ASSISTANT_STREAM = "assistant-stream";

/** Whether the packages are installed. */
export const streamsInstalled: boolean = [RESUMABLE_STREAM, ASSISTANT_STREAM].every((name) =>
  existsSync(path.join(import.meta.dirname, "node_modules", name)),
);

/** What `resumable-stream` returns. The producer keeps the text, and publishes it to those who asked for it. */
export interface ResumableStreams {
  createNewResumableStream(
    id: string,
    makeStream: () => ReadableStream<string>,
  ): Promise<ReadableStream<string> | null>;
  /** Resolves to undefined when there is no such stream, and to null when it is done. */
  resumeExistingStream(id: string): Promise<ReadableStream<string> | null | undefined>;
  hasExistingStream(id: string): Promise<true | "DONE" | null>;
}

export async function resumableStreams(
  publisher: Redis,
  subscriber: Redis,
  keyPrefix: string,
): Promise<ResumableStreams> {
  const { createResumableStreamContext } = (await imported(`${RESUMABLE_STREAM}/ioredis`)) as {
    createResumableStreamContext: (options: object) => ResumableStreams;
  };
  return createResumableStreamContext({ publisher, subscriber, keyPrefix });
}

/** What `assistant-stream` returns. Each chunk is an entry of a stream in Redis, which readers poll. */
export interface AssistantStreams {
  run(id: string, makeStream: () => ReadableStream<Uint8Array>): Promise<ReadableStream<Uint8Array>>;
  resume(id: string): Promise<ReadableStream<Uint8Array> | null>;
  status(id: string): Promise<string>;
}

export async function assistantStreams(client: Redis, keyPrefix: string): Promise<AssistantStreams> {
  const { createResumableStreamContext } = (await imported(`${ASSISTANT_STREAM}/resumable`)) as {
    createResumableStreamContext: (options: object) => AssistantStreams;
  };
  const { createIoredisResumableStreamStore } = (await imported(`${ASSISTANT_STREAM}/resumable/ioredis`)) as {
    createIoredisResumableStreamStore: (client: Redis, options: object) => object;
  };
  return createResumableStreamContext({ store: createIoredisResumableStreamStore(client, { keyPrefix }) });
}

/** The compiler does not ask for a package whose name it is not told. */
function imported(name: string): Promise<unknown> {
  return import(name) as Promise<unknown>;
}

import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { assistantStreams } from "../../savers/streams.js";
import { Source } from "./source.js";
import type { OpenOptions, Streams } from "./streams.js";

export async function openAssistant({ url, keyPrefix }: OpenOptions): Promise<Streams> {
  const client = new Redis(url);
  const streams = await assistantStreams(client, keyPrefix);
  const [encoder, decoder] = [new TextEncoder(), new TextDecoder()];
  return {
    newPlace: async () => randomUUID(),
    begin: async (place) => {
      const source = new Source<Uint8Array>();
      const asked = drained(await streams.run(place, () => source.stream));
      return {
        send: (text) => source.send(encoder.encode(text)),
        close: async () => {
          source.end();
          await asked;
        },
      };
    },
    async *follow(place) {
      const stream = await streams.resume(place);
      if (stream === null) return "nothing there";
      for await (const chunk of stream) yield decoder.decode(chunk);
      return "closed";
    },
    found: async (place) => ({ state: await streams.status(place) }),
    close: async () => client.disconnect(),
  };
}

/** The request that asked reads its own answer from Redis. */
async function drained(stream: ReadableStream<Uint8Array>): Promise<void> {
  for await (const _chunk of stream);
}

import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { resumableStreams } from "../../savers/streams.js";
import { Source } from "./source.js";
import type { OpenOptions, Streams } from "./streams.js";

export async function openResumable({ url, keyPrefix }: OpenOptions): Promise<Streams> {
  const [publisher, subscriber] = [new Redis(url), new Redis(url)];
  const streams = await resumableStreams(publisher, subscriber, keyPrefix);
  return {
    newPlace: async () => randomUUID(),
    begin: async (place) => {
      const source = new Source<string>();
      await streams.createNewResumableStream(place, () => source.stream);
      return {
        send: (text) => source.send(text),
        close: async () => {
          source.end();
          while ((await streams.hasExistingStream(place)) === true) await pause();
        },
      };
    },
    async *follow(place) {
      const stream = await streams.resumeExistingStream(place);
      if (!stream) return stream === null ? "done" : "nothing there";
      yield* stream;
      return "closed";
    },
    found: async (place) => ({ state: String((await streams.hasExistingStream(place)) ?? "nothing") }),
    close: async () => {
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5));
}

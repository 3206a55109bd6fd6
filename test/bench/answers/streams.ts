import { ASSISTANT_STREAM, RESUMABLE_STREAM, streamsInstalled } from "../../savers/streams.js";
import { OURS } from "../workloads/names.js";

export { ASSISTANT_STREAM, RESUMABLE_STREAM } from "../../savers/streams.js";
export const QUESTION = "What should I pack?";

/** How the process that answers sends a text. */
export interface Sender {
  send(text: string): void;
  /** Ends the stream, and waits until its readers can know. */
  close(): Promise<void>;
}

/** What can be followed from another process, of one package, in one process. */
export interface Streams {
  /** Returns the name of a stream that is not begun. */
  newPlace(): Promise<string>;
  begin(place: string): Promise<Sender>;
  /** Yields what was sent and what comes. Returns how that ended. */
  follow(place: string): AsyncGenerator<string, string>;
  /** What the store knows of a stream that a later request finds. */
  found(place: string): Promise<Found>;
  close(): Promise<void>;
}

interface Found {
  readonly state: string;
  /** What the user had said. */
  readonly question?: string;
}

export interface OpenOptions {
  readonly url: string;
  /** All processes that share streams use the same. */
  readonly keyPrefix: string;
  /** Of this library's answers. */
  readonly lease: `${number}s`;
}

type Open = (options: OpenOptions) => Promise<Streams>;

/** The candidates, each with what opens it. A process loads those packages only that it measures. */
export const candidates: Readonly<Record<string, Open>> = {
  [OURS]: async (options) => (await import("./ours.js")).openOurs(options),
  ...(streamsInstalled && {
    [RESUMABLE_STREAM]: async (options: OpenOptions) => (await import("./resumable-stream.js")).openResumable(options),
    [ASSISTANT_STREAM]: async (options: OpenOptions) => (await import("./assistant-stream.js")).openAssistant(options),
  }),
};

/** Opens a candidate. */
export async function openStreams(candidate: string, options: OpenOptions): Promise<Streams> {
  const open = candidates[candidate];
  if (open === undefined) throw new Error(`There is no candidate ${candidate}.`);
  return open(options);
}

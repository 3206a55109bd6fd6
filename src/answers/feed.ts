import { open } from "../encryption/vault.js";
import { CorruptMessageError, isLangChainRedisError, type LangChainRedisError } from "../errors.js";
import { type AnswerRead, readAnswerScript } from "../redis/scripts/answer/read.js";
import { eventsChannel } from "../redis/keys.js";
import { run } from "../redis/send.js";
import { belongingOf, isMark, type LoggedEvent } from "./event-log.js";
import type { AnswerPlace } from "./place.js";

/** The time between two polls, in case a Pub/Sub message was lost or the answering process is dead. */
const POLL_MILLISECONDS = 1_000;
/** The time between two marks that the answer has a follower. The script remembers a mark for 30 seconds. */
const MARK_MILLISECONDS = 10_000;
/** The most bytes of an opened event. No log has more. */
const MAX_EVENT_BYTES = 1_073_741_824;
/** The most events that one read returns. */
const READ_EVENTS = 2_000;

/** The end of an answer, and the position of the turn's last message (`""` for none). */
export interface FoundEnd {
  readonly end: string;
  readonly position: string;
}

/** A follower that waits for more events, or the end. */
export interface Follower {
  readonly place: AnswerPlace;
  readonly wake: () => void;
  /** Called when this follower's session has ended. */
  readonly refuse: (error: LangChainRedisError) => void;
}

/**
 * Reads the events of one answer as they come, once for all followers in this process. Pub/Sub messages wake it, and so does
 * a slow poll, in case a message was lost.
 */
export class AnswerFeed {
  readonly run: string;
  /** The events behind `base` so far. */
  readonly events: LoggedEvent[] = [];
  readonly base: number;
  ending: FoundEnd | undefined;
  readonly #followers = new Set<Follower>();
  readonly #whenUnused: () => void;
  #isOpen = true;
  #unlisten: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reading = false;
  #isAsked = false;
  #marked = -Infinity;

  /** @param whenUnused called when the answer has no more followers, or has ended. */
  constructor(name: string, base: number, whenUnused: () => void) {
    this.run = name;
    this.base = base;
    this.#whenUnused = whenUnused;
  }

  /** The number of the last event so far. */
  get latest(): number {
    return this.base + this.events.length;
  }

  /** Adds a follower, which is woken for new events until the returned function is called. */
  join(follower: Follower): () => void {
    this.#followers.add(follower);
    if (this.#followers.size === 1) {
      const { channels, channel } = follower.place;
      this.#unlisten = channels.listen(eventsChannel(channel), {
        onMessage: (message) => this.#hear(message),
        onSubscribed: () => void this.#look(),
      });
      void this.#look();
    }
    return () => {
      if (!this.#followers.delete(follower) || this.#followers.size > 0) return;
      this.#close();
    };
  }

  #close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    clearTimeout(this.#timer);
    this.#unlisten?.();
    this.#whenUnused();
  }

  /** Takes the events that came with a message if they follow on the latest one. Otherwise reads what there is. */
  #hear(message: string): void {
    const [first = "", ...entries] = message.split("\n");
    const [, name, number] = first.split(" ");
    const isNext = name === this.run && Number(number) <= this.latest + 1;
    const [follower] = this.#followers;
    // Where events are sealed, an event that is not sealed may be refused. The read decides that.
    if (!isNext || follower === undefined || follower.place.connection.vault !== undefined) void this.#look();
    else this.#add(Number(number), entries);
  }

  /** Adds events that are not known yet, and wakes the followers. */
  #add(first: number, entries: readonly string[]): void {
    for (const entry of entries.slice(this.latest + 1 - first)) this.events.push({ number: this.latest + 1, entry });
    for (const { wake } of this.#followers) wake();
  }

  async #look(): Promise<void> {
    this.#isAsked = true;
    if (this.#reading) return;
    this.#reading = true;
    clearTimeout(this.#timer);
    while (this.#isAsked && this.ending === undefined && this.#followers.size > 0) {
      this.#isAsked = false;
      const [follower] = this.#followers;
      if (follower !== undefined) await this.#read(follower).catch((error: unknown) => this.#failed(follower, error));
    }
    this.#reading = false;
    if (this.ending !== undefined || this.#followers.size === 0) return;
    this.#timer = setTimeout(() => void this.#look(), POLL_MILLISECONDS);
  }

  async #read(follower: Follower): Promise<void> {
    const now = performance.now();
    const marks = now - this.#marked >= MARK_MILLISECONDS;
    const from = this.latest;
    const found = await readEvents(follower.place, { run: this.run, operationId: "", from, marks });
    if (marks) this.#marked = now;
    if (found.outcome === "found") {
      this.#add(from + 1, found.events);
      if (found.present > this.latest) this.#isAsked = true;
      else if (found.end !== "") this.ending = found;
    } else {
      this.ending = found.outcome === "former" ? found : { end: "gone", position: "" };
    }
    for (const { wake } of this.#followers) wake();
    if (this.ending !== undefined) this.#close();
  }

  /**
   * Handles a failed read. Ignores an unavailable Redis, which may be back at the next poll. Any other error, such as that of
   * an ended session, concerns only the follower on whose behalf the feed read. The feed then reads for another one.
   */
  #failed(follower: Follower, error: unknown): void {
    if (!isLangChainRedisError(error) || error.code === "STORE_UNAVAILABLE") return;
    this.#isAsked = true;
    if (!this.#followers.delete(follower)) return;
    follower.refuse(error);
    if (this.#followers.size === 0) this.#close();
  }
}

/** Opens the events behind a number. */
async function openEvents(
  { connection, conversationId }: AnswerPlace,
  { run: name, events }: FoundEvents,
  from: number,
): Promise<readonly string[]> {
  if (connection.vault === undefined && events.every((event) => typeof event === "string")) return events;
  const marks = events.filter(isMark);
  if (marks.length === events.length) return events as string[];
  const opened = await open(connection, events, (index) => ({
    ...belongingOf(conversationId, name, from + index + 1),
    maxBytes: MAX_EVENT_BYTES,
  }));
  return opened.map((event, index) => {
    if (isMark(events[index])) return events[index] as string;
    if (typeof event === "string") return event;
    throw new CorruptMessageError(`An event of an answer cannot be read: ${event.reason}.`);
  });
}

/** The events of an answer to read. */
export interface EventsToRead {
  /** The name of the answer. `""` for the latest. */
  readonly run: string;
  /** The operation id of the turn. `""` for any. */
  readonly operationId: string;
  /** The number of events that the follower has. */
  readonly from: number;
  /** @default 2,000 */
  readonly limit?: number;
  /** True to mark that the answer has a follower. */
  readonly marks: boolean;
}

/** The reply of a read, with its events opened. */
export type EventsRead =
  | Exclude<AnswerRead, { readonly outcome: "found" }>
  | (Omit<FoundEvents, "events"> & { readonly events: readonly string[] });
type FoundEvents = Extract<AnswerRead, { readonly outcome: "found" }>;

/**
 * Returns the events of an answer behind a number.
 *
 * @throws CorruptMessageError for an event that cannot be opened.
 */
export async function readEvents(place: AnswerPlace, events: EventsToRead): Promise<EventsRead> {
  const found = await readStored(place, events);
  return found.outcome === "found" ? { ...found, events: await openEvents(place, found, events.from) } : found;
}

function readStored(
  { connection, channel, keys, sessionId }: AnswerPlace,
  { limit = READ_EVENTS, ...asked }: EventsToRead,
): Promise<AnswerRead> {
  const { record, index, conversation, lease, holder, answer, events } = keys;
  return run(connection, readAnswerScript, {
    keys: { record, index, conversation, lease, holder, answer, events },
    arguments: { ...asked, sessionId, channel, limit },
  });
}

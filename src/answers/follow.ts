import type { AnswerPlace } from "./place.js";
import { AnswerFeed, type FoundEnd, readEvents } from "./feed.js";
import { eventId, partsOfId } from "./event-ids.js";
import { type LoggedEvent, MISSED, TRUNCATED } from "./event-log.js";

/**
 * How an answer ended. `"stored"`: the turn is in the conversation. `"interrupted"`: it broke off, and the question can be
 * asked again. `"stopped"`, `"superseded"`: somebody stopped it, or a later turn took its place; what it had so far is kept.
 * `"waiting"`: it waits for a person. `"failed"`: it was answered, and could not be stored. `"gone"`: the conversation was
 * cleared, rewound or deleted, or too much has happened since.
 */
export type AnswerEnd = "stored" | "interrupted" | "stopped" | "superseded" | "waiting" | "failed" | "gone";

/** What somebody who follows an answer gets. The last one has an `end`. */
export type AnswerEvent =
  | { readonly id: string; readonly event: unknown }
  /** Events are missing here, because Redis did not take them for too long. */
  | { readonly id: string; readonly missed: true }
  /** The log is full: no more events come, but for the end. */
  | { readonly id: string; readonly truncated: true }
  | {
      readonly id: string;
      readonly end: AnswerEnd;
      /** The position of the turn's last message, when the turn was stored as the answer ended. */
      readonly position?: string;
    };

export interface FollowedAnswer {
  readonly operationId: string;
  /** The id of the last event that the follower has; `""` for none. */
  readonly after: string;
  /** Ends the following. */
  readonly signal: AbortSignal | undefined;
  /** Aborts when the follower's session ends. */
  readonly watch: AbortSignal;
}

/** The answers that are followed in this process: each is read once for all who follow it. */
export class AnswerFeeds {
  readonly #feeds = new Map<string, AnswerFeed>();

  of({ channel }: AnswerPlace, run: string, from: number): AnswerFeed {
    const name = `${channel} ${run}`;
    const known = this.#feeds.get(name);
    if (known !== undefined) return known;
    const feed: AnswerFeed = new AnswerFeed(run, from, () => {
      if (this.#feeds.get(name) === feed) this.#feeds.delete(name);
    });
    this.#feeds.set(name, feed);
    return feed;
  }
}

/** Returns whether a follower gets anything: whether there is an answer, or an id of one. */
export async function isFollowable(
  place: AnswerPlace,
  { operationId, after }: Pick<FollowedAnswer, "operationId" | "after">,
): Promise<boolean> {
  const { run, number: from } = startOf(after);
  const { outcome } = await readEvents(place, { run, operationId, from, limit: 0, marks: false });
  return outcome !== "none";
}

function startOf(after: string): { run: string; number: number } {
  return after === "" ? { run: "", number: 0 } : partsOfId(after);
}

/** Yields the events of an answer behind an id, then what comes, and then how it ended. */
export async function* followAnswer(
  feeds: AnswerFeeds,
  place: AnswerPlace,
  { operationId, after, signal, watch }: FollowedAnswer,
): AsyncGenerator<AnswerEvent, void> {
  let { run, number } = startOf(after);
  for (;;) {
    if (signal?.aborted === true) return;
    const found = await readEvents(place, { run, operationId, from: number, marks: false });
    if (found.outcome === "none") return;
    if (found.outcome !== "found") {
      yield endEvent(run, found.outcome === "former" ? found : { end: "gone", position: "" });
      return;
    }
    run = found.run;
    for (const [index, entry] of found.events.entries()) yield answerEvent(run, { number: number + index + 1, entry });
    number += found.events.length;
    if (number < found.present) continue;
    if (found.end !== "") {
      yield endEvent(run, found);
      return;
    }
    // The request that asked is served from memory. A client that comes back from it may be ahead of the log: it waits until
    // the log has caught up.
    const reached = Math.min(number, found.present);
    const feed = feeds.of(place, run, reached);
    // The feed of another follower may have begun behind what this one has read.
    if (feed.base > reached) continue;
    yield* joined(feed, place, { number, signal, watch });
    return;
  }
}

async function* joined(
  feed: AnswerFeed,
  place: AnswerPlace,
  { number: from, signal, watch }: { number: number; signal: AbortSignal | undefined; watch: AbortSignal },
): AsyncGenerator<AnswerEvent, void> {
  let number = from;
  let wake: (() => void) | undefined;
  let refused: Error | undefined;
  const leave = feed.join({
    place,
    wake: () => wake?.(),
    refuse: (error) => {
      refused = error;
      wake?.();
    },
  });
  const stop = (): void => wake?.();
  const signals = [signal, watch].filter((one) => one !== undefined);
  for (const one of signals) one.addEventListener("abort", stop, { once: true });
  try {
    for (;;) {
      // Made before anything is looked at: what happens from here on wakes it.
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      if (signal?.aborted === true) return;
      if (watch.aborted) throw watch.reason;
      if (refused !== undefined) throw refused;
      for (; number < feed.latest; number += 1) {
        yield answerEvent(feed.run, feed.events[number - feed.base] as LoggedEvent);
      }
      if (feed.ending !== undefined) {
        yield endEvent(feed.run, feed.ending);
        return;
      }
      await woken;
    }
  } finally {
    for (const one of signals) one.removeEventListener("abort", stop);
    leave();
  }
}

/** Returns an event of the log as a follower gets it. */
export function answerEvent(run: string, { number, entry }: LoggedEvent): AnswerEvent {
  const id = eventId(run, number);
  if (entry === MISSED) return { id, missed: true };
  if (entry === TRUNCATED) return { id, truncated: true };
  return { id, event: JSON.parse(entry) as unknown };
}

function endEvent(run: string, { end, position }: FoundEnd): AnswerEvent {
  return { id: eventId(run, "end"), end: end as AnswerEnd, ...(position === "" ? {} : { position }) };
}

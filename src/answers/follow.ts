import { shared } from "../options/shared-signal.js";
import type { AnswerPlace } from "./place.js";
import { AnswerFeed, type FoundEnd, readEvents } from "./feed.js";
import { eventId, partsOfId } from "./event-ids.js";
import { type LoggedEvent, MISSED, TRUNCATED } from "./event-log.js";

/**
 * The end of an answer.
 * - `"stored"`: the turn is in the conversation.
 * - `"interrupted"`: the turn broke off, and the question can be asked again.
 * - `"stopped"`: a caller stopped the turn. `onInterrupt` decides what is kept of it.
 * - `"superseded"`: a later turn took its place. `onInterrupt` decides what is kept of it.
 * - `"waiting"`: the turn waits for a person.
 * - `"failed"`: the model has answered, but the turn could not be stored.
 * - `"gone"`: the conversation was cleared, rewound or deleted, or the answer is too old to be remembered.
 */
export type AnswerEnd = "stored" | "interrupted" | "stopped" | "superseded" | "waiting" | "failed" | "gone";

/**
 * An event that a follower of an answer receives. Pass its `id` as `after` to follow on from here. The last event has an
 * `end`.
 */
export type AnswerEvent =
  | { readonly id: string; readonly event: unknown }
  /** Some events are missing here, because Redis did not accept them for too long. */
  | { readonly id: string; readonly missed: true }
  /** The log is full. No more events follow, except the end. */
  | { readonly id: string; readonly truncated: true }
  | {
      readonly id: string;
      readonly end: AnswerEnd;
      /** The position of the turn's last message, if the turn was stored when the answer ended. */
      readonly position?: string;
    };

export interface FollowedAnswer {
  readonly operationId: string;
  /** The id of the last event that the follower has. `""` for none. */
  readonly after: string;
  /** Ends the following. */
  readonly signal: AbortSignal | undefined;
  /** Aborts when the follower's session ends. */
  readonly watch: AbortSignal;
}

/** The answers that are followed in this process. Each is read once for all its followers. */
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

/** Returns true if a follower receives anything: if there is an answer, or the id names one. */
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

/** Yields the events of an answer behind an id, then new events as they come, and then its end. */
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
    // The request that began the answer is served from memory, so a client that reconnects may be ahead of the log. It waits
    // until the log has caught up.
    const reached = Math.min(number, found.present);
    const feed = feeds.of(place, run, reached);
    // The feed of another follower may have begun behind the last event that this one has. Read the gap first.
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
  const signals = [shared(signal), watch].filter((one) => one !== undefined);
  for (const one of signals) one.addEventListener("abort", stop, { once: true });
  try {
    for (;;) {
      // Make the promise before looking at anything, so that any later change wakes this follower.
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

/** Returns an entry of the log in the form that a follower receives. */
export function answerEvent(run: string, { number, entry }: LoggedEvent): AnswerEvent {
  const id = eventId(run, number);
  if (entry === MISSED) return { id, missed: true };
  if (entry === TRUNCATED) return { id, truncated: true };
  return { id, event: JSON.parse(entry) as unknown };
}

function endEvent(run: string, { end, position }: FoundEnd): AnswerEvent {
  return { id: eventId(run, "end"), end: end as AnswerEnd, ...(position === "" ? {} : { position }) };
}

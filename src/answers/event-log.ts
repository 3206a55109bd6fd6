import { Budget } from "../redis/budget.js";
import { type CLOSING_ENDS, logAnswerScript } from "../redis/scripts/answer/log.js";
import { renewLeaseScript } from "../redis/scripts/lease/renew.js";
import type { Value } from "../redis/port.js";
import type { Belonging, Sealer } from "../redis/sealing.js";
import { run } from "../redis/send.js";
import { onBeat } from "./beat.js";
import type { AnswerPlace } from "./place.js";

/** A batch of this size is sent at once, before its window is over. */
const BATCH_BYTES = 4_096;
/** The most events of one batch, so that the script does not block Redis for long. */
const BATCH_EVENTS = 1_000;
/** The pause before a failed batch is sent again. */
const RETRY_MILLISECONDS = 250;

/** Stands in the log for events that were left out, because Redis did not accept them for too long. */
export const MISSED = "missed";
/** Stands in the log for the event that would have exceeded `maxBytes`, and for all events behind it. */
export const TRUNCATED = "truncated";

/** Returns true for an entry of the log that stands for left-out events. */
export function isMark(entry: unknown): boolean {
  return entry === MISSED || entry === TRUNCATED;
}

/** Returns the place to which an event is sealed: its number in the answer. */
export function belongingOf(conversationId: string, name: string, number: number): Belonging {
  return { kind: "event", within: `${conversationId} ${name} ${number}` };
}

/** An entry of the log: an event as JSON, or one of the two marks. Entries are numbered from 1 on. */
export interface LoggedEvent {
  readonly number: number;
  readonly entry: string;
}

/** The end of an answer that no write of its turn has ended. */
export type ClosingEnd = (typeof CLOSING_ENDS)[number];

/** A script's reply that an answer has to stop: it was stopped, its session ended, or it lost its lease. */
export type Verdict =
  | { readonly outcome: "stop"; readonly reason: "stop" | "superseded" }
  | { readonly outcome: "ended"; readonly session: string }
  | { readonly outcome: "lost" };

export interface EventLogOptions {
  readonly token: string;
  /** The public name of the answer. */
  readonly run: string;
  readonly leaseMilliseconds: number;
  readonly windowMilliseconds: number;
  readonly maxBytes: number;
  /** Called once, when the answer has to stop. */
  readonly onVerdict: (verdict: Verdict) => void;
}

/**
 * Adds the events of an answer to its log, in batches, one after another. A failed batch is sent again unchanged, and the
 * script adds it once. This happens in the background: a log that fails never fails the turn.
 */
export class EventLog {
  readonly #place: AnswerPlace;
  readonly #options: EventLogOptions;
  /** Events that are in no batch yet. */
  #pending: string[] = [];
  #pendingBytes = 0;
  /** The batch that is under way, or will be sent again. */
  #batch: readonly string[] = [];
  /** The number of events in the acknowledged batches. */
  #added = 0;
  /** The bytes of all entries. */
  #bytes = 0;
  #numbered = 0;
  #sending: Promise<void> | undefined;
  /** True if Redis has to be asked again, because the batch under way may have run before the question came up. */
  #asksAgain = false;
  /** How often sending has failed in a row. */
  #failures = 0;
  #cancel: (() => void) | undefined;
  #latest = 0;
  /** False once the log accepts no more events. */
  #isOpen = true;
  /** False once the answer has to stop, so that its lease is not renewed. */
  #renews = true;

  constructor(place: AnswerPlace, options: EventLogOptions) {
    this.#place = place;
    this.#options = options;
    this.#latest = performance.now() - options.windowMilliseconds;
    this.#wait(options.leaseMilliseconds / 3);
  }

  /** Adds an event, given as JSON. Returns its entry in the log at once, or `undefined` if the event is left out. */
  send(event: string): LoggedEvent | undefined {
    const { maxBytes } = this.#options;
    if (!this.#isOpen || this.#bytes > maxBytes) return undefined;
    const size = Buffer.byteLength(event);
    // Redis has accepted nothing for a while, so leave the event out, and add a mark that says so.
    const isMissed = this.#pendingBytes + size > maxBytes && this.#pending.length > 0;
    if (isMissed && this.#pending.at(-1) === MISSED) return undefined;
    if (!isMissed) this.#pendingBytes += size;
    this.#bytes += isMissed ? MISSED.length : size;
    const entry = this.#bytes > maxBytes ? TRUNCATED : isMissed ? MISSED : event;
    this.#pending.push(entry);
    this.#numbered += 1;
    this.#schedule();
    return { number: this.#numbered, entry };
  }

  #schedule(): void {
    if (this.#sending !== undefined) return;
    const since = performance.now() - this.#latest;
    if (this.#pendingBytes >= BATCH_BYTES || since >= this.#options.windowMilliseconds) this.#flush();
    else this.#wait(this.#options.windowMilliseconds - since);
  }

  /** Asks Redis whether the answer has to stop. A batch that is under way may have asked too early. */
  ask(): void {
    if (!this.#renews) return;
    // Redis is back, so the pause after a failure is short again.
    this.#failures = 0;
    this.#asksAgain = this.#sending !== undefined;
    this.#flush();
  }

  /** Stops renewing the lease. */
  stopRenewing(): void {
    this.#renews = false;
  }

  /**
   * Adds the remaining events, and closes the log. Gives up if Redis does not answer in time. The lease then runs out by
   * itself.
   *
   * @param ending the end of the answer, if it has none yet.
   */
  async close(ending: ClosingEnd): Promise<void> {
    this.#renews = false;
    this.#cancel?.();
    const budget = new Budget(this.#place.connection);
    await this.#sending?.catch(() => {});
    this.#cancel?.();
    while (this.#isOpen) {
      this.#take();
      const closes = this.#pending.length === 0;
      try {
        await this.#send({ closes, ending: closes ? ending : "" });
        if (closes) this.#isOpen = false;
      } catch {
        if (budget.left < RETRY_MILLISECONDS) break;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
      }
    }
    this.#isOpen = false;
  }

  #flush(): void {
    this.#cancel?.();
    if (this.#sending !== undefined || !this.#isOpen) return;
    this.#latest = performance.now();
    this.#take();
    this.#sending = this.#send({ closes: false, ending: "" }).then(
      () => this.#next(),
      () => this.#failed(),
    );
  }

  /** Makes a batch of the pending events, unless there is a batch already. */
  #take(): void {
    if (this.#batch.length > 0 || this.#pending.length === 0) return;
    this.#batch = this.#pending.splice(0, BATCH_EVENTS);
    this.#pendingBytes -= this.#batch.reduce((bytes, event) => bytes + Buffer.byteLength(event), 0);
    this.#pendingBytes = Math.max(0, this.#pendingBytes);
  }

  async #send({ closes, ending }: { closes: boolean; ending: ClosingEnd | "" }): Promise<void> {
    const { token, run: name, leaseMilliseconds, onVerdict } = this.#options;
    const { connection, channel, keys, sessionId, conversationId, ttlMilliseconds } = this.#place;
    const batch = this.#batch;
    const from = this.#added;
    const sealed = (sealer: Sealer): readonly Value[] =>
      batch.map((event, index) =>
        isMark(event) ? event : sealer.seal(event, belongingOf(conversationId, name, from + index + 1)),
      );
    const { record, index, lease, holder, answer, events, stop } = keys;
    const answered = await run(connection, logAnswerScript, {
      keys: { record, index, lease, holder, answer, events, stop },
      sealedFor: ttlMilliseconds,
      arguments: (sealer) => ({
        sessionId,
        token,
        duration: leaseMilliseconds,
        channel,
        from,
        closes,
        ending,
        encoded: sealer === undefined ? batch : sealed(sealer),
      }),
    });
    this.#batch = [];
    this.#added += batch.length;
    if (answered.outcome === "ok") return;
    this.#renews = false;
    if (answered.outcome !== "stop") this.#isOpen = false;
    onVerdict(answered);
  }

  #next(): void {
    this.#sending = undefined;
    this.#failures = 0;
    if (!this.#isOpen) return;
    if (this.#asksAgain && this.#renews) {
      this.#asksAgain = false;
      this.#flush();
    } else if (this.#pending.length > 0) {
      const since = performance.now() - this.#latest;
      this.#wait(this.#pendingBytes >= BATCH_BYTES ? 0 : this.#options.windowMilliseconds - since);
    } else if (this.#renews) {
      this.#wait(this.#options.leaseMilliseconds / 3);
    }
  }

  #failed(): void {
    this.#sending = undefined;
    const { leaseMilliseconds, windowMilliseconds } = this.#options;
    // Less and less often, because nobody may ever close this answer. A new event is tried at once.
    const pause = Math.min(RETRY_MILLISECONDS * 2 ** this.#failures, leaseMilliseconds / 3);
    this.#failures += 1;
    // Redis may be out of memory. It then accepts no events, but it can still renew the lease.
    if (this.#renews) void this.#renew();
    if (this.#isOpen) this.#wait(Math.max(pause, windowMilliseconds));
  }

  async #renew(): Promise<void> {
    const { token, leaseMilliseconds } = this.#options;
    const { lease, holder, stop } = this.#place.keys;
    const call = { keys: { lease, holder, stop }, arguments: { token, duration: String(leaseMilliseconds) } };
    const answered = await run(this.#place.connection, renewLeaseScript, call).catch(() => undefined);
    const outcome = answered?.outcome ?? "lost";
    if (outcome === "held" || outcome === "lost") return;
    this.#renews = false;
    this.#options.onVerdict({ outcome: "stop", reason: outcome });
  }

  #wait(milliseconds: number): void {
    this.#cancel?.();
    this.#cancel = onBeat(() => this.#flush(), milliseconds, this.#options.windowMilliseconds);
  }
}

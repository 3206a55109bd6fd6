import type { RedisClient, RedisSubscriber } from "../client.js";
import { SessionNotFoundError, type SessionEndReason } from "../errors.js";
import type { Session } from "./schema.js";

/** When Redis cannot be asked how long a session has left, it is asked again so much later. */
const RETRY_MILLISECONDS = 5_000;
/** What the subscriber missed, on a node that is gone for good say, is noticed after so long at most. */
const LONGEST_WAIT_MILLISECONDS = 30_000;

/** How long a session has left, in milliseconds; throws SessionNotFoundError once it is over. */
export type AskTimeLeft = (session: Session) => Promise<number>;

/** How long the subscriber is kept for the next turn. It keeps a process alive, so not for long. */
const LINGER_MILLISECONDS = 5_000;

/** A signal for as long as a turn runs. */
export interface SessionWatch {
  readonly signal: AbortSignal;
  /** Safe to repeat. */
  readonly release: () => void;
}

function reconnectDelay(attempt: number): number {
  return Math.min(attempt * 100, RETRY_MILLISECONDS);
}

interface Entry {
  readonly session: Session;
  timer: NodeJS.Timeout | undefined;
  /** Those who wait for it: each a turn, with a signal of its own, or the session's whole life. */
  readonly holders: Map<symbol, AbortController>;
}

/** Who asked for a signal without an end. */
const WHOLE_LIFE = Symbol("whole life");

/** Abort signals of live sessions, fired by one shared subscriber. A hint: what is written is checked where it is written. */
export class SessionSignals {
  readonly #client: RedisClient;
  readonly #channel: string;
  readonly #askTimeLeft: AskTimeLeft;
  readonly #entries = new Map<string, Entry>();
  #subscriber: RedisSubscriber | undefined;
  #lingering: NodeJS.Timeout | undefined;

  constructor(client: RedisClient, channel: string, askTimeLeft: AskTimeLeft) {
    this.#client = client;
    this.#channel = channel;
    this.#askTimeLeft = askTimeLeft;
  }

  /** Until the session ends. */
  of(session: Session): AbortSignal {
    const known = this.#entries.get(session.id)?.holders.get(WHOLE_LIFE);
    if (known) return known.signal;
    const controller = new AbortController();
    const entry = this.#hold(session, WHOLE_LIFE, controller);
    // Also while the subscription is under way, which an ACL may forbid.
    void this.#watch(entry);
    return controller.signal;
  }

  /** Until it is released, for a turn, which is about to look at the session itself. */
  during(session: Session): SessionWatch {
    const holder = Symbol("turn");
    const controller = new AbortController();
    const entry = this.#hold(session, holder, controller);
    // A date is text when the session came through a queue.
    const left = new Date(session.expiresAt).getTime() - Date.now();
    if (entry.timer === undefined) this.#watchIn(entry, Math.max(0, left) + 1);
    return { signal: controller.signal, release: () => this.#release(entry, holder) };
  }

  close(): void {
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
    this.#entries.clear();
    this.#disconnect();
  }

  #hold(session: Session, holder: symbol, controller: AbortController): Entry {
    clearTimeout(this.#lingering);
    const entry = this.#entries.get(session.id) ?? { session, timer: undefined, holders: new Map() };
    this.#entries.set(session.id, entry);
    entry.holders.set(holder, controller);
    if (!this.#subscriber) this.#subscribe();
    return entry;
  }

  #release(entry: Entry, holder: symbol): void {
    entry.holders.delete(holder);
    if (entry.holders.size > 0) return;
    clearTimeout(entry.timer);
    if (this.#entries.get(entry.session.id) === entry) this.#entries.delete(entry.session.id);
    if (this.#entries.size > 0) return;
    clearTimeout(this.#lingering);
    this.#lingering = setTimeout(() => this.#disconnect(), LINGER_MILLISECONDS);
  }

  #disconnect(): void {
    clearTimeout(this.#lingering);
    this.#subscriber?.disconnect();
    this.#subscriber = undefined;
  }

  #subscribe(): void {
    // One node hears what is published on any. A Cluster would replace its own subscriber without telling us.
    const [node] = this.#client.nodes?.("master") ?? [];
    const subscriber = node?.duplicate({ retryStrategy: reconnectDelay }) ?? this.#client.duplicate();
    this.#subscriber = subscriber;
    // What it cannot tell while it is away is asked for when it is back.
    subscriber.on("error", () => {});
    subscriber.on("message", (_channel: unknown, message: unknown) => {
      const [id = "", reason] = String(message).split(" ");
      const entry = this.#entries.get(id);
      if (entry) this.#end(entry, new SessionNotFoundError(reason as SessionEndReason));
    });
    // A client that connects lazily does so for its first command; what counts is the subscription below.
    subscriber.subscribe(this.#channel).catch(() => {});
    // Also after each reconnection. First the subscription, then the question: an end in between is heard.
    subscriber.on("ready", () => {
      void this.#listen(subscriber);
    });
  }

  async #listen(subscriber: RedisSubscriber): Promise<void> {
    try {
      await subscriber.subscribe(this.#channel);
    } catch {
      return; // The connection is gone again; the next one will be ready.
    }
    for (const entry of this.#entries.values()) void this.#watch(entry);
  }

  async #watch(entry: Entry): Promise<void> {
    let wait: number;
    try {
      // One more, so that the deadline has passed when it is asked again.
      wait = (await this.#askTimeLeft(entry.session)) + 1;
    } catch (error) {
      if (error instanceof SessionNotFoundError) {
        this.#end(entry, error);
        return;
      }
      wait = RETRY_MILLISECONDS;
    }
    if (this.#entries.get(entry.session.id) === entry) this.#watchIn(entry, wait);
  }

  #watchIn(entry: Entry, milliseconds: number): void {
    clearTimeout(entry.timer);
    const wait = Math.min(milliseconds, LONGEST_WAIT_MILLISECONDS);
    entry.timer = setTimeout(() => void this.#watch(entry), wait).unref();
  }

  #end(entry: Entry, reason: SessionNotFoundError): void {
    clearTimeout(entry.timer);
    if (this.#entries.get(entry.session.id) !== entry) return;
    this.#entries.delete(entry.session.id);
    for (const controller of entry.holders.values()) controller.abort(reason);
  }
}

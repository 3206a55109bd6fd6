import type { Channels } from "../redis/channels.js";
import { SessionNotFoundError, type SessionEndReason } from "../errors.js";
import type { Session } from "./session.js";

/** The time to wait before asking Redis again for the time that a session has left, after the question failed. */
const RETRY_MILLISECONDS = 5_000;
/** The longest time for which an ending stays unnoticed if the subscriber missed it, for example because its node is gone. */
const MAX_WAIT_MILLISECONDS = 30_000;

/** Returns the time that a session has left, in milliseconds. Throws SessionNotFoundError once the session has ended. */
export type AskTimeLeft = (session: Session) => Promise<number>;

/** The signal of one turn, while the turn runs. Each turn has its own, because listeners stay with a signal. */
export class SessionWatch {
  readonly #controller = new AbortController();
  readonly #stop: (watch: SessionWatch) => void;

  constructor(stop: (watch: SessionWatch) => void) {
    this.#stop = stop;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the watch. Idempotent. */
  release(): void {
    this.#stop(this);
  }

  abort(reason: SessionNotFoundError): void {
    this.#controller.abort(reason);
  }
}

interface Entry {
  readonly session: Session;
  /** The signal that lasts until the session ends, if a caller asked for one. */
  lasting: AbortController | undefined;
  /** Weak references, because a turn may be forgotten without being released. */
  readonly turns: Set<WeakRef<SessionWatch>>;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Abort signals of live sessions, fired by one shared subscriber. They are hints: the scripts that write check the session
 * themselves.
 */
export class SessionSignals {
  readonly #channels: Channels;
  readonly #channel: string;
  readonly #askTimeLeft: AskTimeLeft;
  readonly #entries = new Map<string, Entry>();
  #leave: (() => void) | undefined;
  #closed = false;

  constructor(channels: Channels, channel: string, askTimeLeft: AskTimeLeft) {
    this.#channels = channels;
    this.#channel = channel;
    this.#askTimeLeft = askTimeLeft;
  }

  /** Returns the signal that aborts when the session ends. */
  of(session: Session): AbortSignal {
    if (this.#closed) return new AbortController().signal;
    const entry = this.#entryOf(session);
    if (entry.lasting === undefined) {
      entry.lasting = new AbortController();
      // Ask at once, rather than wait for the subscription, which an ACL may forbid.
      void this.#watch(entry);
    }
    return entry.lasting.signal;
  }

  /** Returns a watch for one turn. It asks Redis nothing, because the turn is about to check the session itself. */
  during(session: Session): SessionWatch {
    if (this.#closed) return new SessionWatch(() => {});
    const entry = this.#entryOf(session);
    const watch = new SessionWatch(() => {
      entry.turns.delete(reference);
      this.#forgetUnused(entry);
    });
    const reference = new WeakRef(watch);
    entry.turns.add(reference);
    // The date is text if the session went through JSON, for example through a queue.
    const left = new Date(session.expiresAt).getTime() - Date.now();
    if (entry.timer === undefined) this.#watchIn(entry, Math.max(0, left) + 1);
    return watch;
  }

  /** Makes all signals, including those of later turns, never fire again. */
  close(): void {
    this.#closed = true;
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
    this.#entries.clear();
  }

  #entryOf(session: Session): Entry {
    this.#leave ??= this.#listen();
    const known = this.#entries.get(session.id);
    if (known) return known;
    const entry: Entry = { session, lasting: undefined, turns: new Set(), timer: undefined };
    this.#entries.set(session.id, entry);
    return entry;
  }

  #forgetUnused(entry: Entry): void {
    if (entry.lasting !== undefined || entry.turns.size > 0) return;
    this.#forget(entry);
    if (this.#entries.size > 0) return;
    this.#leave?.();
    this.#leave = undefined;
  }

  /** Forgets an entry. Returns true if it was still known. */
  #forget(entry: Entry): boolean {
    clearTimeout(entry.timer);
    return this.#entries.get(entry.session.id) === entry && this.#entries.delete(entry.session.id);
  }

  #listen(): () => void {
    return this.#channels.listen(this.#channel, {
      onMessage: (message) => {
        const [id = "", reason] = message.split(" ");
        const entry = this.#entries.get(id);
        if (entry) this.#end(entry, new SessionNotFoundError(reason as SessionEndReason));
      },
      // This also runs after each reconnection, because the subscriber missed the messages in between. The question follows
      // the subscription, so no ending is missed between the two.
      onSubscribed: () => {
        for (const entry of this.#entries.values()) void this.#watch(entry);
      },
    });
  }

  async #watch(entry: Entry): Promise<void> {
    for (const turn of entry.turns) if (turn.deref() === undefined) entry.turns.delete(turn);
    this.#forgetUnused(entry);
    let wait: number;
    try {
      // One millisecond more, so that the deadline has passed when Redis is asked again.
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
    const wait = Math.min(milliseconds, MAX_WAIT_MILLISECONDS);
    entry.timer = setTimeout(() => void this.#watch(entry), wait).unref();
  }

  #end(entry: Entry, reason: SessionNotFoundError): void {
    if (!this.#forget(entry)) return;
    entry.lasting?.abort(reason);
    for (const turn of entry.turns) turn.deref()?.abort(reason);
  }
}

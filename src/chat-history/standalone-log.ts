import {
  ConversationChangedError,
  CorruptMessageError,
  OperationConflictError,
  ConversationBusyError,
  SessionNotFoundError,
} from "../errors.js";
import { type HistoryKeys, historyKeys } from "../redis/keys.js";
import { digestOf } from "../redis/operation.js";
import { count, textList, textOrNothing } from "../redis/replies.js";
import { appendScript } from "../redis/scripts/append.js";
import { clearScript } from "../redis/scripts/clear.js";
import { acquireLeaseScript } from "../redis/scripts/lease/acquire.js";
import { releaseLeaseScript } from "../redis/scripts/lease/release.js";
import { renewLeaseScript } from "../redis/scripts/lease/renew.js";
import { type Connection, read, run, write } from "../redis/send.js";
import type { Batch, LeaseAnswer, LeaseAttempt, LogPart, MessageLog } from "./message-log.js";

export interface StandaloneLogSettings extends Connection {
  readonly sessionId: string;
  readonly keyPrefix: string;
  /** 0: never. */
  readonly ttlMilliseconds: number;
  /** 0: no cap. */
  readonly maxMessages: number;
}

/** A history on its own: under an id that the caller chose, bound to nothing. */
export class StandaloneLog implements MessageLog {
  readonly #settings: StandaloneLogSettings;
  readonly #keys: HistoryKeys;

  constructor(settings: StandaloneLogSettings) {
    this.#settings = settings;
    this.#keys = historyKeys(settings.keyPrefix, settings.sessionId);
  }

  read(first: number, operationId?: string): Promise<LogPart> {
    return read(
      this.#settings,
      [
        // First: a mark that is older than the entries refuses an append that would do no harm, a newer one the reverse.
        ["hget", this.#keys.meta, "cleared"],
        ["lrange", this.#keys.messages, String(first), "-1"],
        ...(operationId === undefined ? [] : [["exists", this.#keys.operation(operationId)]]),
      ],
      (cleared, entries, recorded = 0) => ({
        seen: textOrNothing(cleared) ?? "",
        entries: textList(entries),
        recorded: count(recorded) > 0,
      }),
    );
  }

  async append({ operationId, encoded, seen, lease }: Batch): Promise<boolean> {
    const { ttlMilliseconds, maxMessages } = this.#settings;
    const digest = digestOf(...encoded);
    const input = { keys: this.#keys, operationId, digest, seen, ttlMilliseconds, maxMessages, lease, encoded };
    const outcome = await write(this.#settings, appendScript, input, this.#keys.operation(operationId));
    if (outcome === "conflict") throw new OperationConflictError(operationId);
    if (outcome === "changed") throw new ConversationChangedError();
    if (outcome === "foreign") throw this.#foreignKey();
    if (outcome === "lease-lost") throw new ConversationBusyError("lost");
    return outcome !== "occupied";
  }

  async clear(operationId: string): Promise<string> {
    const input = { keys: this.#keys, operationId };
    const { outcome, mark } = await write(this.#settings, clearScript, input, this.#keys.operation(operationId));
    if (outcome === "conflict") throw new OperationConflictError(operationId);
    if (outcome === "foreign") throw this.#foreignKey();
    return mark;
  }

  length(): Promise<number> {
    return read(this.#settings, [["llen", this.#keys.messages]], count);
  }

  async acquire(attempt: LeaseAttempt): Promise<LeaseAnswer> {
    const input = { ...attempt, keys: this.#keys, session: undefined };
    const { outcome, ...place } = await run(this.#settings, acquireLeaseScript, input);
    // No session was asked for, so none can be missing.
    if (outcome !== "granted" && outcome !== "busy") throw new SessionNotFoundError();
    return { outcome, ...place };
  }

  renew(token: string, leaseMilliseconds: number): Promise<"held" | "lost"> {
    return run(this.#settings, renewLeaseScript, { keys: this.#keys, token, leaseMilliseconds });
  }

  async release(token: string): Promise<void> {
    await run(this.#settings, releaseLeaseScript, { keys: this.#keys, token });
  }

  #foreignKey(): CorruptMessageError {
    return new CorruptMessageError(`${this.#keys.messages} (or :meta) holds another type of value; it was left alone.`);
  }
}

import type { Subject } from "../diagnostics/operations.js";
import { ConversationChangedError, InvalidOptionError } from "../errors.js";
import { Budget } from "../redis/budget.js";
import { type HistoryKeys, historyKeys } from "../redis/keys.js";
import type { Command } from "../redis/port.js";
import { count, list, storedList, textOrNothing } from "../redis/replies.js";
import { appendScript } from "../redis/scripts/history/append.js";
import { clearScript } from "../redis/scripts/history/clear.js";
import { acquireLeaseScript } from "../redis/scripts/lease/acquire.js";
import { releaseLeaseScript } from "../redis/scripts/lease/release.js";
import { renewLeaseScript } from "../redis/scripts/lease/renew.js";
import { connectionOf, forgetDestroyed, keptElsewhere, type StoredForm } from "../encryption/vault.js";
import { unsealed } from "../encryption/sealers.js";
import { type Connection, read, run, write } from "../redis/send.js";
import {
  type Batch,
  type LeaseAnswer,
  type LeaseAttempt,
  type LogPart,
  type MessageLog,
  type ReadingTurn,
  type StoredPart,
} from "./message-log.js";
import { clearedMarkOf, openPart, sealEntries } from "./entries.js";
import { forgetFilled, rememberFilled, wasFilled } from "./filled-lists.js";
import { notesFor, readInFrontOfParts, runOf } from "./unfinished.js";

/** The options of a history that its log needs. */
export interface StandaloneLogSettings extends Connection, StoredForm {
  readonly sessionId: string;
  readonly keyPrefix: string;
  /** 0 for a conversation that does not expire. */
  readonly ttlMilliseconds: number;
  /** 0 for no limit. */
  readonly maxMessages: number;
  readonly maxMessageBytes: number;
}

/** A history on its own has its own data key, so its entries need no lineage to be bound to it. */
const LINEAGE = "";

/** The fields of the history's hash that every read needs, and those that a read of a named turn needs. */
const NO_NOTES = ["cleared"] as const;
const NOTES = ["cleared", "unfinished", "finished"] as const;

/** The log of a history on its own, under an id that the caller chose. It belongs to no session. */
export class StandaloneLog implements MessageLog {
  readonly #settings: StandaloneLogSettings;
  readonly #keys: HistoryKeys;
  readonly #connection: Connection;

  constructor(settings: StandaloneLogSettings) {
    const { keyPrefix, sessionId, ttlMilliseconds } = settings;
    this.#settings = settings;
    this.#keys = historyKeys(keyPrefix, sessionId);
    const { dataKey } = this.#keys;
    this.#connection = connectionOf(settings, { owner: `history:${sessionId}`, dataKey, ttlMilliseconds });
  }

  get subject(): Subject | undefined {
    return this.#connection.subject;
  }

  async read(first: number, turn?: ReadingTurn): Promise<LogPart> {
    if (turn?.replaces !== undefined) {
      throw new InvalidOptionError(
        "replaces",
        "this history belongs to no session. Only the messages of a session's conversation have positions.",
      );
    }
    const budget = new Budget(this.#connection);
    const found = await (turn?.operationId === undefined
      ? this.#readPlain(budget, first)
      : readInFrontOfParts(this.#connection, first, (connection, from) => this.#read(connection, from, NOTES, turn)));
    return openPart(budget.connection(), found, this.#settings);
  }

  /**
   * Reads for a caller that needs no notes of turns. If the list has entries, one command is enough, because the last entry
   * carries the mark of the latest clear. A second command makes a short read cost one and a half times as much.
   */
  async #readPlain(budget: Budget, first: number): Promise<StoredPart> {
    const { client, vault } = this.#connection;
    const { messages } = this.#keys;
    if (vault === undefined && wasFilled(client, messages)) {
      const entries = await read(
        this.#connection,
        "history.read",
        [["lrange", messages, String(first), "-1"]],
        storedList,
      );
      const last = entries.at(-1);
      const seen = last === undefined ? undefined : clearedMarkOf(last);
      if (seen !== undefined) return { seen, entries, recorded: false, parts: 0, fence: undefined };
    }
    const found = await this.#read(budget.connection(), first, NO_NOTES, {});
    if (found.entries.length > 0) rememberFilled(client, messages);
    else forgetFilled(client, messages);
    return found;
  }

  #read(connection: Connection, first: number, names: readonly string[], turn: ReadingTurn): Promise<StoredPart> {
    const { operationId } = turn;
    const recorded: Command[] = operationId === undefined ? [] : [["exists", this.#keys.operation(operationId)]];
    const mark = connection.vault === undefined ? [] : ["sealed"];
    return read(
      connection,
      "history.read",
      [
        // The mark is read before the entries. An older mark refuses an append that would do no harm; a newer mark would let
        // through an append that does harm.
        ["hmget", this.#keys.meta, ...names, ...mark],
        ["lrange", this.#keys.messages, String(first), "-1"],
        ...recorded,
      ],
      (fields, entries, found = 0) => {
        const values = list(fields);
        const isSealed = (mark.length > 0 && textOrNothing(values.pop()) !== undefined) || undefined;
        const [cleared, unfinished, last] = values;
        const { finished, parts } = notesFor(turn, textOrNothing(unfinished), textOrNothing(last));
        return {
          seen: textOrNothing(cleared) ?? "",
          entries: storedList(entries),
          recorded: finished || count(found) > 0,
          parts,
          fence: undefined,
          isSealed,
        };
      },
    );
  }

  async append({ operationId, encoded, seen, lease, turn }: Batch): Promise<string | undefined> {
    const { ttlMilliseconds, maxMessages: cap } = this.#settings;
    const { messages, meta, lease: leaseKey, holder, operation } = this.#keys;
    const written = write(this.#connection, appendScript, {
      operationId,
      subject: messages,
      // Field by field, here and below: on Node 20 it takes 10 µs to add fields to an object behind a spread.
      keys: {
        messages,
        meta,
        lease: leaseKey,
        holder,
        operation: operation(operationId),
        turnOperation: turn === undefined || turn.kind === "last" ? undefined : operation(turn.operationId),
      },
      sealedFor: ttlMilliseconds,
      arguments: (sealer) => ({
        digest: (sealer ?? unsealed).digest(...runOf(turn), ...encoded),
        seen,
        ttl: String(ttlMilliseconds),
        cap,
        token: lease?.token ?? "",
        after: lease?.after ?? "keep",
        turn,
        encoded: sealEntries(sealer, encoded, LINEAGE),
      }),
    });
    const { client } = this.#connection;
    try {
      const { outcome } = await written;
      if (encoded.length > 0) rememberFilled(client, messages);
      return outcome === "occupied" ? undefined : seen;
    } catch (error) {
      // Another program may have written an entry without the mark.
      if (error instanceof ConversationChangedError) forgetFilled(client, messages);
      throw error;
    }
  }

  async clear(operationId: string): Promise<string> {
    const { encryption } = this.#settings;
    const { messages, meta, dataKey, operation } = this.#keys;
    const budget = new Budget(this.#connection);
    const elsewhere = await keptElsewhere(budget.connection());
    const { mark, destroyed } = await write(budget.connection(), clearScript, {
      operationId,
      subject: messages,
      keys: {
        messages,
        meta,
        operation: operation(operationId),
        dataKey: encryption === undefined ? undefined : dataKey,
      },
      arguments: { digest: "clear", elsewhere },
    });
    if (destroyed !== "") await forgetDestroyed(budget.connection(), destroyed);
    return mark;
  }

  length(): Promise<number> {
    return read(this.#connection, "history.length", [["llen", this.#keys.messages]], count);
  }

  acquire({ token, ticket, leaseMilliseconds, mode }: LeaseAttempt): Promise<LeaseAnswer> {
    return run(this.#connection, acquireLeaseScript, {
      keys: this.#keys,
      arguments: { token, ticket, duration: String(leaseMilliseconds), mode, sessionId: "", channel: "" },
    });
  }

  async renew(token: string, leaseMilliseconds: number): ReturnType<MessageLog["renew"]> {
    const call = { keys: this.#keys, arguments: { token, duration: String(leaseMilliseconds) } };
    const found = await run(this.#connection, renewLeaseScript, call);
    return found.outcome === "stop" ? found.reason : found.outcome;
  }

  async release(token: string): Promise<void> {
    await run(this.#connection, releaseLeaseScript, { keys: this.#keys, arguments: { token } });
  }
}

import type { Batch, LeaseAnswer, LeaseAttempt, LogPart, MessageLog } from "../chat-history/message-log.js";
import {
  ConversationChangedError,
  ConversationNotFoundError,
  OperationConflictError,
  ConversationBusyError,
  type SessionEndReason,
  SessionNotFoundError,
} from "../errors.js";
import type { LeaseKeys, OwnerKeys } from "../redis/keys.js";
import { digestOf } from "../redis/operation.js";
import { count, isMember, list, outcome, text, textList, textOrNothing } from "../redis/replies.js";
import { appendToConversationScript } from "../redis/scripts/conversations/append.js";
import { GRACE_MILLISECONDS } from "../redis/scripts/fragments.js";
import { acquireLeaseScript } from "../redis/scripts/lease/acquire.js";
import { releaseLeaseScript } from "../redis/scripts/lease/release.js";
import { renewLeaseScript } from "../redis/scripts/lease/renew.js";
import { read, run, write } from "../redis/send.js";
import { removeConversation } from "./conversations.js";
import type { SessionRef, SessionSettings } from "./options.js";

/** A conversation as a session sees it. Calls are refused as soon as the session is no longer live. */
export class SessionLog implements MessageLog {
  readonly #settings: SessionSettings;
  readonly #keys: OwnerKeys;
  /** Taken when the history was made, so that a turn in flight is stored where it began. */
  readonly #session: Pick<SessionRef, "id" | "conversationId">;

  constructor(settings: SessionSettings, keys: OwnerKeys, { id, conversationId }: SessionRef) {
    this.#settings = settings;
    this.#keys = keys;
    this.#session = { id, conversationId };
  }

  read(first: number, operationId?: string): Promise<LogPart> {
    const { conversationId } = this.#session;
    return this.#readLive(
      [
        ["lrange", this.#keys.messages(conversationId), String(first), "-1"],
        ...(operationId === undefined ? [] : [["exists", this.#keys.operation(operationId)]]),
      ],
      (generation, entries, recorded = 0) => ({
        seen: generation ?? "",
        entries: textList(entries),
        recorded: count(recorded) > 0,
      }),
    );
  }

  async append({ operationId, encoded, seen, toolCalls, lease }: Batch): Promise<boolean> {
    const { id, conversationId } = this.#session;
    const operation = this.#keys.operation(operationId);
    const result = await write(
      this.#settings,
      appendToConversationScript,
      {
        operationId,
        keys: {
          record: this.#keys.session(id),
          index: this.#keys.sessions,
          conversation: this.#keys.conversation(conversationId),
          messages: this.#keys.messages(conversationId),
          conversations: this.#keys.conversations,
          operation,
          lease: this.#turns.lease,
          holder: this.#turns.holder,
          erased: this.#keys.erasedConversations,
        },
        digest: digestOf(id, conversationId, ...encoded),
        sessionId: id,
        conversationId,
        seen,
        ttlMilliseconds: this.#settings.conversationMilliseconds,
        maxMessages: this.#settings.maxMessages,
        toolCalls,
        lease,
        encoded,
      },
      operation,
    );
    if (result === "conflict") throw new OperationConflictError(operationId);
    if (result === "changed") throw new ConversationChangedError();
    if (result === "no-conversation") throw new ConversationNotFoundError();
    if (result === "lease-lost") throw new ConversationBusyError("lost");
    if (result !== "done" && result !== "repeated" && result !== "occupied") throw notLive(result);
    return result !== "occupied";
  }

  async clear(operationId: string): Promise<string> {
    const { id, conversationId } = this.#session;
    const digest = digestOf("clear", id, conversationId);
    const removal = { operationId, digest, conversationId, sessionId: id };
    const { outcome: result, generation } = await removeConversation(this.#settings, this.#keys, removal);
    if (result === "done" || result === "repeated") return generation;
    throw result === "no-conversation" ? new ConversationNotFoundError() : notLive(result);
  }

  length(): Promise<number> {
    const length = ["llen", this.#keys.messages(this.#session.conversationId)];
    return this.#readLive([length], (_generation, reply) => count(reply));
  }

  async acquire(attempt: LeaseAttempt): Promise<LeaseAnswer> {
    const { id } = this.#session;
    const session = { id, record: this.#keys.session(id), index: this.#keys.sessions };
    const input = { ...attempt, keys: this.#turns, session };
    const { outcome: result, ...place } = await run(this.#settings, acquireLeaseScript, input);
    if (result !== "granted" && result !== "busy") throw notLive(result);
    return { outcome: result, ...place };
  }

  renew(token: string, leaseMilliseconds: number): Promise<"held" | "lost"> {
    return run(this.#settings, renewLeaseScript, { keys: this.#turns, token, leaseMilliseconds });
  }

  async release(token: string): Promise<void> {
    await run(this.#settings, releaseLeaseScript, { keys: this.#turns, token });
  }

  get #turns(): LeaseKeys {
    return this.#keys.turns(this.#session.conversationId);
  }

  /**
   * Reads, and checks in the same round trip that the session is live, by the server's clock, and that the conversation is
   * its agent's. The conversation's generation is read before its content.
   */
  #readLive<Value>(
    commands: string[][],
    parse: (generation: string | undefined, ...replies: unknown[]) => Value,
  ): Promise<Value> {
    const { id, conversationId } = this.#session;
    const checks = [
      ...livenessCommands(this.#keys, id),
      ["hmget", this.#keys.conversation(conversationId), "generation", "agentId"],
    ];
    return read(this.#settings, [...checks, ...commands], (lifetime, told, listed, held, ...replies) => {
      const agentId = assertLive(lifetime, told, listed);
      const [generation, holder] = list(held).map(textOrNothing);
      if (holder !== undefined && holder !== agentId) throw new ConversationNotFoundError();
      return parse(generation, ...replies);
    });
  }
}

/** Returns the three reads that tell whether a session is live, for `assertLive`. */
export function livenessCommands(keys: OwnerKeys, sessionId: string): string[][] {
  return [
    ["pttl", keys.session(sessionId)],
    ["hmget", keys.session(sessionId), "ended", "agentId"],
    ["zscore", keys.sessions, sessionId],
  ];
}

/**
 * Checks the replies of `livenessCommands`, and returns the agent of the session's record.
 *
 * @throws SessionNotFoundError when the session is not live, with the reason as far as the record knows it.
 */
export function assertLive(lifetime: unknown, told: unknown, listed: unknown): string {
  const [ended, agentId] = list(told).map(textOrNothing);
  if (ended !== undefined) throw notLive(outcome(ended, ["ended", "evicted", "expired", "rotated"]));
  const milliseconds = count(lifetime);
  if (milliseconds < 0) throw notLive("unknown");
  if (milliseconds <= GRACE_MILLISECONDS) throw notLive("expired");
  if (!isMember(listed)) throw notLive("ended");
  return text(agentId);
}

/** Returns the error for a session that is not live. */
export function notLive(reason: SessionEndReason | "unknown"): SessionNotFoundError {
  return new SessionNotFoundError(reason === "unknown" ? undefined : reason);
}

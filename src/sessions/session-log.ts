import {
  type Batch,
  heldBy,
  type LeaseAnswer,
  type LeaseAttempt,
  type LogPart,
  type MessageLog,
} from "../chat-history/message-log.js";
import { ConversationNotFoundError, type SessionEndReason, SessionNotFoundError } from "../errors.js";
import type { LeaseKeys, OwnerKeys } from "../redis/keys.js";
import { digestOf } from "../redis/operation.js";
import type { Command } from "../redis/port.js";
import { count, isMember, list, outcome as oneOf, text, textList, textOrNothing } from "../redis/replies.js";
import { appendToConversationScript } from "../redis/scripts/conversation/append.js";
import { GRACE_MILLISECONDS } from "../redis/scripts/fragments/session.js";
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
    const recorded: Command[] = operationId === undefined ? [] : [["exists", this.#keys.operation(operationId)]];
    return this.#readLive(
      [["lrange", this.#keys.messages(conversationId), String(first), "-1"], ...recorded],
      (generation, entries, found = 0) => ({
        seen: generation ?? "",
        entries: textList(entries),
        recorded: count(found) > 0,
      }),
    );
  }

  async append({ operationId, encoded, seen, toolCalls, lease }: Batch): Promise<boolean> {
    const { id: sessionId, conversationId } = this.#session;
    const { conversationMilliseconds: ttl, maxMessages: cap } = this.#settings;
    const digest = digestOf(sessionId, conversationId, ...encoded);
    const { outcome } = await write(this.#settings, appendToConversationScript, {
      operationId,
      keys: {
        record: this.#keys.session(sessionId),
        index: this.#keys.sessions,
        conversation: this.#keys.conversation(conversationId),
        messages: this.#keys.messages(conversationId),
        conversations: this.#keys.conversations,
        operation: this.#keys.operation(operationId),
        lease: this.#turns.lease,
        holder: this.#turns.holder,
        erased: this.#keys.erasedConversations,
      },
      arguments: { digest, sessionId, conversationId, seen, ttl, cap, toolCalls, encoded, ...heldBy(lease) },
    });
    return outcome !== "occupied";
  }

  clear(operationId: string): Promise<string> {
    const { id, conversationId } = this.#session;
    const digest = digestOf("clear", id, conversationId);
    return removeConversation(this.#settings, this.#keys, { operationId, digest, conversationId, sessionId: id });
  }

  length(): Promise<number> {
    return this.#readLive([["llen", this.#keys.messages(this.#session.conversationId)]], (_generation, reply) =>
      count(reply),
    );
  }

  acquire({ token, ticket, leaseMilliseconds, mode }: LeaseAttempt): Promise<LeaseAnswer> {
    const { id: sessionId } = this.#session;
    return run(this.#settings, acquireLeaseScript, {
      keys: { record: this.#keys.session(sessionId), index: this.#keys.sessions, ...this.#turns },
      arguments: { token, ticket, duration: String(leaseMilliseconds), mode, sessionId },
    });
  }

  async renew(token: string, leaseMilliseconds: number): Promise<"held" | "lost"> {
    const call = { keys: this.#turns, arguments: { token, duration: String(leaseMilliseconds) } };
    return (await run(this.#settings, renewLeaseScript, call)).outcome;
  }

  async release(token: string): Promise<void> {
    await run(this.#settings, releaseLeaseScript, { keys: this.#turns, arguments: { token } });
  }

  get #turns(): LeaseKeys {
    return this.#keys.turns(this.#session.conversationId);
  }

  /**
   * Reads, and checks in the same round trip that the session is live, by the server's clock, and that the conversation is
   * its agent's. The conversation's generation is read before its content.
   */
  #readLive<Value>(
    commands: readonly Command[],
    parse: (generation: string | undefined, ...replies: unknown[]) => Value,
  ): Promise<Value> {
    const { id, conversationId } = this.#session;
    const checks: Command[] = [
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
export function livenessCommands(keys: OwnerKeys, sessionId: string): Command[] {
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
  if (ended !== undefined) throw notLive(oneOf(ended, ["ended", "evicted", "expired", "rotated"]));
  const milliseconds = count(lifetime);
  if (milliseconds < 0) throw notLive("unknown");
  if (milliseconds <= GRACE_MILLISECONDS) throw notLive("expired");
  if (!isMember(listed)) throw notLive("ended");
  return text(agentId);
}

/** Returns the error for a session that is not live. */
function notLive(reason: SessionEndReason | "unknown"): SessionNotFoundError {
  return new SessionNotFoundError(reason === "unknown" ? undefined : reason);
}

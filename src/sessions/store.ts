import { randomBytes } from "node:crypto";
import { AgentMemory } from "../agent-memory/memory.js";
import type { Thread, ThreadSettings } from "../checkpoints/thread.js";
import { RedisChatMessageHistory } from "../chat-history/history.js";
import { digestOf } from "../options/digest.js";
import { Budget } from "../redis/budget.js";
import { operationIdOf, type WriteOptions } from "../redis/operation.js";
import { InvalidOptionError } from "../errors.js";
import { ItemSpace } from "../items/item-space.js";
import type { ItemOptions } from "../items/options.js";
import { endingsChannel, ownerKeys, ownerTag } from "../redis/keys.js";
import { Channels } from "../redis/channels.js";
import { count } from "../redis/replies.js";
import { GRACE_MILLISECONDS } from "../redis/scripts/fragments/session.js";
import { createScript } from "../redis/scripts/session/create.js";
import { endScript } from "../redis/scripts/session/end.js";
import { listScript } from "../redis/scripts/session/list.js";
import { rotateScript } from "../redis/scripts/session/rotate.js";
import { updateScript } from "../redis/scripts/session/update.js";
import { verifyScript } from "../redis/scripts/session/verify.js";
import { read, run, write } from "../redis/send.js";
import { AnswerFeeds } from "../answers/follow.js";
import { Answers } from "./answers.js";
import { Conversations } from "./conversations.js";
import {
  type ExpectedSession,
  type Owner,
  parseEverybody,
  parseExpected,
  parseId,
  parseInit,
  parseOwner,
  parsePatch,
  parseSession,
  parseSessionOptions,
  type SessionInit,
  type SessionSettings,
  type SessionStoreOptions,
} from "./options.js";
import { endEverybody, type EndEverybodyOptions } from "./everybody.js";
import { PROTOCOL, storeMark } from "../options/copies.js";
import { eraseOwner } from "./erase.js";
import { exportOwner } from "./export-user.js";
import type { ExportedRecord } from "./exported.js";
import { ID_BYTES, newId } from "../options/ids.js";
import { connectionOfOwner, keysOf } from "./owner-keys.js";
import { acceptsPlaintext, compared } from "../encryption/vault.js";
import { unsealed } from "../encryption/sealers.js";
import { openSession, sealFields } from "./opened-record.js";
import { initFields, metadataFields } from "./record.js";
import type { Session } from "./session.js";
import { sessionItems } from "./session-items.js";
import { sessionPlace } from "./session-memory.js";
import { sessionThread } from "./session-thread.js";
import { assertLive, livenessCommands, SessionLog } from "./session-log.js";
import { SessionSignals, type SessionWatch } from "./signals.js";
import { newSecret, parseToken, SECRET_BYTES } from "./token.js";

/** How many things of each kind an erasure removed. */
export interface Erased {
  readonly sessions: number;
  readonly conversations: number;
  readonly memories: number;
  readonly threads: number;
  readonly items: number;
}

/**
 * Keeps sessions: a user's live access to an agent, with limits that hold and endings that are final.
 *
 * A session is opened by a secret token, is live while it is used, and points at a conversation, which outlives it.
 * Each method takes one round trip, by the server's clock, and settles within `deadline`. Exceptions: `eraseUser` and
 * `endEverybody` take one or more a step, `exportUser` one a page, and `conversations.list` takes one more for each 500 expired conversations.
 *
 * @example
 * ```ts
 * const sessions = new SessionStore({ client, idleTimeout: "30m" });
 * const { token, session } = await sessions.create({ userId: "ada", agentId: "support" });
 * // … with the next request:
 * const session = await sessions.verify(token, { userId: "ada" });
 * const history = sessions.history(session);
 * ```
 */
export class SessionStore {
  readonly #settings: SessionSettings;
  readonly #channel: string;
  readonly #channels: Channels;
  readonly #feeds: AnswerFeeds = new AnswerFeeds();
  readonly #signals: SessionSignals;
  /** @internal */
  readonly [storeMark]: number = PROTOCOL;
  /** Lists, reads, renames and deletes the conversations of an owner. */
  readonly conversations: Conversations;

  /** @throws InvalidOptionError when an option is missing, unknown or of the wrong form. */
  constructor(options: SessionStoreOptions) {
    this.#settings = parseSessionOptions(options);
    this.#channel = endingsChannel(this.#settings.keyPrefix);
    this.conversations = new Conversations(this.#settings);
    this.#channels = new Channels(this.#settings.client);
    this.#signals = new SessionSignals(this.#channels, this.#channel, (session) => this.#timeLeft(session));
  }

  /**
   * Opens a session. Beyond `maxSessionsPerUser`, the same script ends the oldest sessions.
   *
   * @returns the token, the session, and the ids of the sessions that the limit ended. The token is shown this once; Redis
   * holds only its hash.
   * @throws ReauthenticationRequiredError when all sessions of the owner were ended since `authenticatedAt`.
   * @throws SessionLimitError at the limit when `atLimit` is `"reject"`.
   * @throws ConversationNotFoundError when `conversationId` does not belong to this user, organisation and agent.
   * @throws InvalidOptionError, StorageFullError.
   * @throws StoreUnavailableError; when it is `indeterminate`, repeat the call with its `operationId` and the same values.
   * Then there is one session.
   */
  async create(
    init: SessionInit,
    options?: WriteOptions,
  ): Promise<{ token: string; session: Session; ended: string[] }> {
    const checked = parseInit(init);
    if (this.#settings.addressBinding === "strict" && checked.ipAddress === undefined) {
      throw new InvalidOptionError("ipAddress", 'pass the client\'s address: addressBinding is "strict".');
    }
    const operationId = operationIdOf(options);
    const tag = ownerTag(checked.userId, checked.orgId);
    const keys = ownerKeys(this.#settings.keyPrefix, tag);
    // Drawn at once: asking for random bytes takes longer than the bytes themselves.
    const random = randomBytes(2 * ID_BYTES + SECRET_BYTES);
    const id = newId("session", random.subarray(0, ID_BYTES));
    const { secretHash, tokenFor } = newSecret(random.subarray(2 * ID_BYTES));
    const conversationId = checked.conversationId ?? newId("conversation", random.subarray(ID_BYTES, 2 * ID_BYTES));
    // A repetition may have another authenticatedAt, because the credentials may have been renewed meanwhile.
    const { metadata, authenticatedAt, ...attributes } = checked;
    const connection = connectionOfOwner(this.#settings, keys);
    const fields = initFields(id, conversationId, checked);
    const content = JSON.stringify([attributes, metadataFields(metadata ?? {})]);
    const result = await write(connection, createScript, {
      operationId,
      sealedFor: this.#settings.lifetimeMilliseconds,
      keys: {
        index: keys.sessions,
        record: keys.session(id),
        conversation: keys.conversation(conversationId),
        conversations: keys.conversations,
        threads: keys.threads,
        operation: keys.operation(operationId),
        notBefore: keys.notBefore,
      },
      arguments: (sealer) => ({
        digest: (sealer ?? unsealed).digest("create", content),
        id,
        limit: this.#settings.maxSessionsPerUser,
        atLimit: this.#settings.atLimit,
        idle: this.#settings.idleMilliseconds,
        lifetime: this.#settings.lifetimeMilliseconds,
        continues: checked.conversationId ?? "",
        agentId: checked.agentId,
        channel: this.#channel,
        secret: secretHash,
        attempt: nextAttempt(),
        authenticated: "authenticatedAt" in init ? secondOf(authenticatedAt) : "",
        fields: sealFields(sealer, id, fields),
      }),
    });
    const session = await openSession(connection, result.record);
    // A repetition returns the session of the first attempt, which has another id. The token names that session.
    return { token: tokenFor(tag, session.id), session, ended: [...result.ended] };
  }

  /**
   * Returns the live session of a token, and renews its idle timeout.
   *
   * @throws InvalidTokenError when the text is not a token. Redis is not asked.
   * @throws SessionNotFoundError when the session is not live. For 60 seconds it says why.
   * @throws SessionMismatchError when the session is not the expected one. Nothing is renewed.
   * @throws ReauthenticationRequiredError when all sessions of the owner were ended since `authenticatedAt`.
   * @throws StoreUnavailableError when Redis did not answer. Let nobody in then.
   */
  async verify(token: string, expected: ExpectedSession = {}): Promise<Session> {
    const { tag, sessionId, secretHash } = parseToken(token);
    const { userId, orgId = "", agentId, ipAddress = "", authenticatedAt } = parseExpected(expected);
    const keys = ownerKeys(this.#settings.keyPrefix, tag);
    const connection = connectionOfOwner(this.#settings, keys);
    const isBound = this.#settings.addressBinding === "strict";
    const tells = {
      userId,
      orgId: "orgId" in expected ? orgId : undefined,
      agentId,
      // Fails closed: under strict binding, a missing address is a mismatch too.
      ipAddress: isBound ? (acceptsPlaintext(connection) ? ipAddress : "") : undefined,
    };
    const budget = new Budget(connection);
    const addressDigest = isBound ? await compared(budget.connection(), "address", ipAddress) : "";
    const { record } = await run(budget.connection(), verifyScript, {
      keys: { record: keys.session(sessionId), index: keys.sessions, notBefore: keys.notBefore },
      arguments: {
        id: sessionId,
        secret: secretHash,
        authenticated: "authenticatedAt" in expected ? secondOf(authenticatedAt) : "",
        addressDigest,
        expected: Object.entries(tells).flatMap(([name, value]) => (value === undefined ? [] : [name, value])),
      },
    });
    return openSession(budget.connection(), record);
  }

  /**
   * Gives the session a new token, and refuses the old one from then on. Turns in flight go on. Rotate after sign-in and
   * whenever the user's rights change (OWASP Session Management).
   *
   * @throws InvalidTokenError, SessionNotFoundError, as `verify` does.
   * @throws StoreUnavailableError; when it is `indeterminate`, repeat the call with the same token and its `operationId`.
   */
  async rotate(token: string, options?: WriteOptions): Promise<{ token: string; session: Session }> {
    const { tag, sessionId, secretHash } = parseToken(token);
    const operationId = operationIdOf(options);
    const keys = ownerKeys(this.#settings.keyPrefix, tag);
    const next = newSecret();
    const connection = connectionOfOwner(this.#settings, keys);
    const { record } = await write(connection, rotateScript, {
      operationId,
      keys: { record: keys.session(sessionId), index: keys.sessions, operation: keys.operation(operationId) },
      arguments: {
        digest: digestOf("rotate", sessionId, secretHash),
        id: sessionId,
        old: secretHash,
        new: next.secretHash,
        attempt: nextAttempt(),
      },
    });
    return { token: next.tokenFor(tag, sessionId), session: await openSession(connection, record) };
  }

  /**
   * Merges metadata into the session. Names that are not given stay, and `null` removes a name.
   *
   * @throws SessionNotFoundError when the session is not live.
   */
  async update(
    session: Session,
    patch: { metadata: Record<string, unknown> },
    options?: WriteOptions,
  ): Promise<Session> {
    const { fields, removed } = metadataFields(parsePatch(patch).metadata);
    return this.#update(session, options, { continues: "", fields, removed });
  }

  /**
   * Points the session at another of the user's conversations with this agent, or at a new one. Turns in flight are stored
   * where they began, because a history that was made before stays with its conversation.
   *
   * @throws ConversationNotFoundError when there is no such conversation of this user, organisation and agent.
   * @throws SessionNotFoundError when the session is not live.
   */
  async openConversation(session: Session, conversationId?: string, options?: WriteOptions): Promise<Session> {
    const target = conversationId === undefined ? newId("conversation") : parseId("conversationId", conversationId);
    return this.#update(session, options, {
      continues: conversationId ?? "",
      fields: ["conversationId", target],
      removed: [],
      // A repetition that opens a new conversation has another new id, and is still the same operation.
      digest: digestOf("open", session.id, conversationId ?? ""),
      conversationId: target,
    });
  }

  /** Ends the session of a token. Returns `false` when it was not live, or when it has another token by now. */
  async end(token: string, options?: WriteOptions): Promise<boolean> {
    const { tag, sessionId, secretHash } = parseToken(token);
    return (await this.#end(tag, options, { scope: "one", id: sessionId, secretHash })) > 0;
  }

  /** Ends one of the owner's sessions. Returns `false` when it was not live, or is not the owner's. */
  async endById(owner: Owner, sessionId: string, options?: WriteOptions): Promise<boolean> {
    const { userId, orgId } = parseOwner(owner);
    const id = parseId("sessionId", sessionId);
    return (await this.#end(ownerTag(userId, orgId), options, { scope: "one", id, secretHash: "" })) > 0;
  }

  /**
   * Ends all of the owner's sessions, or all but one, and returns how many. Call it after a change of password, for example.
   * Sign-ins from before, or of the same second, cannot open a session again: see `authenticatedAt` of
   * {@link SessionInit}. The session in `except` goes on with the sign-in that it has; to open another session, its user has
   * to sign in anew too. The same user in another organisation is another owner, whose sessions and sign-ins stay good.
   */
  async endAll(owner: Owner, options: WriteOptions & { except?: Session | undefined } = {}): Promise<number> {
    const { userId, orgId } = parseOwner(owner);
    const { except, ...writeOptions } = options;
    const id = except === undefined ? "" : parseSession("except", except).id;
    return this.#end(ownerTag(userId, orgId), writeOptions, { scope: "all", id, secretHash: "" });
  }

  /** Returns the owner's live sessions, oldest first. */
  async list(owner: Owner): Promise<Session[]> {
    const keys = keysOf(this.#settings, owner);
    const budget = new Budget(connectionOfOwner(this.#settings, keys));
    const { records } = await run(budget.connection(), listScript, { keys: { index: keys.sessions }, arguments: {} });
    return Promise.all(records.map((record) => openSession(budget.connection(), record)));
  }

  /**
   * Returns the session's conversation as a chat history. Its reads and writes are refused, in the same round trip, once the
   * session is not live (SessionNotFoundError), or when the conversation is another agent's (ConversationNotFoundError).
   * Writes extend the session, and count in it.
   */
  history(session: Session): RedisChatMessageHistory {
    const checked = parseSession("session", session);
    return new RedisChatMessageHistory(
      new SessionLog(this.#settings, keysOf(this.#settings, checked), checked, this.#channels),
      this.#settings,
    );
  }

  /**
   * Returns what this agent remembers of the user, in all of the user's sessions with it. Reads and writes are refused, in
   * the same round trip, once the session is not live (SessionNotFoundError). Writes extend the session. `eraseUser` removes
   * the memory.
   */
  memory(session: Session): AgentMemory {
    const checked = parseSession("session", session);
    return new AgentMemory(sessionPlace(this.#settings, keysOf(this.#settings, checked), checked));
  }

  /**
   * Returns the answers in flight of the session's conversation: begins one, follows it, stops it. Any session of the user on
   * that conversation can follow an answer and stop it.
   */
  answers(session: Session): Answers {
    const checked = parseSession("session", session);
    const store = {
      settings: this.#settings,
      channels: this.#channels,
      feeds: this.#feeds,
      watch: () => this.#signals.during(session),
    };
    return new Answers(store, keysOf(this.#settings, checked), checked);
  }

  /**
   * @internal Returns the thread of the session's conversation, for SessionSaver. Reads and writes are refused, in the same
   * round trip, once the session is not live.
   */
  thread(session: Session, settings: ThreadSettings): Thread {
    const checked = parseSession("session", session);
    return sessionThread(this.#settings, keysOf(this.#settings, checked), checked, settings);
  }

  /**
   * @internal Returns the owner's items, for a RedisStore. Reads and writes are refused, in the same round trip, once the
   * session is not live (SessionNotFoundError). Writes extend the session.
   */
  items(session: Session, options: ItemOptions): ItemSpace {
    const checked = parseSession("session", session);
    return new ItemSpace(sessionItems(this.#settings, keysOf(this.#settings, checked), checked, options));
  }

  /**
   * Removes all that is stored of an owner. Every session ends at once. Then sessions, conversations, agent memories,
   * threads and items of LangGraph are removed in bounded steps, each of which settles within the deadline. The call is safe
   * to repeat: an interrupted erasure goes on where it stopped.
   *
   * Records of sessions that had ended within the last minute go within that minute. A mark of each conversation, without
   * its content, goes within a day: because of it, turns that read the conversation before are refused
   * (ConversationChangedError). Sign-ins from before, or of the same second, cannot open a session again
   * (`authenticatedAt` of {@link SessionInit}). The mark for that lasts for `maxTokenLifetime`, and holds a time and nothing
   * of the user.
   *
   * @returns how many of each kind this call removed.
   */
  async eraseUser(owner: Owner): Promise<Erased> {
    const removed = await eraseOwner(this.#settings, keysOf(this.#settings, owner));
    const { sessions = 0, conversations = 0, memories = 0, threads = 0, items = 0 } = removed;
    return { sessions, conversations, memories, threads, items };
  }

  /**
   * Yields all that is stored of an owner, as plain JSON: live sessions without their tokens, conversations with every
   * message, agent memories, threads and items of LangGraph, and answers in flight. Nothing is changed, and no session is
   * renewed. {@link Conversations.import} reads conversations back.
   *
   * What is there when the call begins comes once, unless a limit, a clear, a removal or an expiry takes it away first. What
   * is added meanwhile may be left out. Not atomic: records are read one after another.
   *
   * A page at a time is read, so the memory that it takes is bounded: up to about 1 MiB of messages, or 20 checkpoints of a
   * thread. A long conversation comes as a record of the kind `conversation` and, as long as the last one `continues`,
   * records of the kind `messages`. Conversations come in the order of their last activity, the earliest first. Each round
   * trip settles within `deadline`. To stop, leave the loop.
   *
   * @throws InvalidOptionError when `owner` has the wrong form, at once.
   * @throws CorruptMessageError, CorruptCheckpointError for what cannot be read, unless `onCorrupt` is `"skip"`.
   * @throws StoreUnavailableError when Redis did not answer within `deadline`. Begin anew then.
   *
   * @example
   * ```ts
   * for await (const record of sessions.exportUser(owner)) file.write(`${JSON.stringify(record)}\n`);
   * ```
   */
  exportUser(owner: Owner): AsyncGenerator<ExportedRecord, void, undefined> {
    return exportOwner(this.#settings, keysOf(this.#settings, owner));
  }

  /**
   * Ends every session of every owner, for an incident such as a leaked signing key. It leaves a mark for each owner, so
   * that no sign-in from before opens another session (`authenticatedAt` of {@link SessionInit}). First rotate the signing
   * key, or set `jwtAuthenticator({ notBefore })`: that holds at once, and also for users of whom nothing is stored here,
   * whom this call cannot find.
   *
   * Not atomic. Every primary is scanned (`SCAN`) in steps of some 500 keys, in bounded memory, and each step settles within
   * the deadline. Sessions that are created meanwhile may stay. The call is safe to repeat. Repeat it when it failed, and
   * after a failover or a move of slots while it ran.
   *
   * @returns for how many owners this call did it, and how many of their sessions were live.
   * @throws StoreUnavailableError, NotReplicatedError; then it was done for some owners, and not for all.
   */
  async endEverybody(options: EndEverybodyOptions = {}): Promise<{ owners: number; sessions: number }> {
    return endEverybody(this.#settings, parseEverybody(options).onProgress);
  }

  /**
   * Returns a signal that aborts when the session ends, in whatever process. Its `reason` is a SessionNotFoundError. Use it
   * to stop a model call early; writes are checked anyway. The store opens one subscriber connection for all signals; see
   * `close()`.
   */
  signal(session: Session): AbortSignal {
    parseSession("session", session);
    return this.#signals.of(session);
  }

  /**
   * @internal Returns the same for one turn, which looks at the session itself. It asks Redis nothing, and can be released.
   */
  watch(session: Session): SessionWatch {
    parseSession("session", session);
    return this.#signals.during(session);
  }

  /**
   * Closes the subscriber, which is all that this store opened. The client stays the caller's. Signals no longer fire, not
   * even those that are asked for later; everything else goes on. Call it when the program is to end, before or after its
   * last turn.
   */
  async close(): Promise<void> {
    this.#signals.close();
    this.#channels.close();
  }

  async #update(
    session: Session,
    options: WriteOptions | undefined,
    change: {
      readonly continues: string;
      readonly fields: readonly string[];
      readonly removed: readonly string[];
      readonly digest?: string;
      readonly conversationId?: string;
    },
  ): Promise<Session> {
    const keys = keysOf(this.#settings, parseSession("session", session));
    const operationId = operationIdOf(options);
    const { continues, fields, removed, conversationId = session.conversationId } = change;
    const connection = connectionOfOwner(this.#settings, keys);
    const { record } = await write(connection, updateScript, {
      operationId,
      sealedFor: this.#settings.lifetimeMilliseconds,
      keys: {
        record: keys.session(session.id),
        index: keys.sessions,
        operation: keys.operation(operationId),
        conversation: keys.conversation(conversationId),
        conversations: keys.conversations,
        threads: keys.threads,
      },
      arguments: (sealer) => ({
        digest: change.digest ?? (sealer ?? unsealed).digest("update", session.id, ...fields, "-", ...removed),
        id: session.id,
        continues,
        fields: sealFields(sealer, session.id, fields),
        removed,
      }),
    });
    return openSession(connection, record);
  }

  async #end(
    tag: string,
    options: WriteOptions | undefined,
    { scope, id, secretHash }: { scope: "one" | "all"; id: string; secretHash: string },
  ): Promise<number> {
    const keys = ownerKeys(this.#settings.keyPrefix, tag);
    const operationId = operationIdOf(options);
    const { ended } = await write(this.#settings, endScript, {
      operationId,
      keys: {
        index: keys.sessions,
        operation: keys.operation(operationId),
        record: scope === "one" ? keys.session(id) : keys.sessions,
        notBefore: keys.notBefore,
      },
      arguments: {
        digest: digestOf("end", scope, id, secretHash),
        channel: this.#channel,
        scope,
        id,
        secret: secretHash,
        remembered: this.#settings.maxTokenMilliseconds,
      },
    });
    return ended;
  }

  async #timeLeft(session: Session): Promise<number> {
    return read(
      this.#settings,
      "session.time-left",
      livenessCommands(keysOf(this.#settings, session), session.id),
      (lifetime, told, listed) => {
        assertLive(lifetime, told, listed);
        return count(lifetime) - GRACE_MILLISECONDS;
      },
    );
  }
}

/** Returns when the user signed in, as the scripts read it. */
function secondOf(authenticatedAt: Date | undefined): string {
  return authenticatedAt === undefined ? "unknown" : String(Math.floor(authenticatedAt.getTime() / 1_000));
}

let lastAttempt = 0;

/**
 * Returns a number that grows with each attempt. Attempts of one process are in order even when its clock is set back.
 * Attempts of several processes need clocks that agree.
 */
function nextAttempt(): number {
  lastAttempt = Math.max(lastAttempt + 1, Date.now());
  return lastAttempt;
}

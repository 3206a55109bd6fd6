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
import { drawBytes } from "./random-bytes.js";
import { initFields, metadataFields, startedSession } from "./record.js";
import type { Session } from "./session.js";
import { sessionItems } from "./session-items.js";
import { sessionPlace } from "./session-memory.js";
import { sessionThread } from "./session-thread.js";
import { assertLive, livenessCommands, SessionLog } from "./session-log.js";
import { SessionSignals, type SessionWatch } from "./signals.js";
import { newSecret, parseToken, SECRET_BYTES } from "./token.js";

/** The number of things of each kind that an erasure removed. */
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
 * A secret token opens a session. A session is live while it is used, and points at a conversation, which outlives it.
 *
 * Each method takes one round trip, goes by the server's clock, and settles within `deadline`. There are three exceptions:
 * `eraseUser` and `endEverybody` work in steps of one or more round trips, `exportUser` takes one for each page, and
 * `conversations.list` takes one more for every 500 expired conversations.
 *
 * @example
 * ```ts
 * const sessions = new SessionStore({ client, idleTimeout: "30m" });
 * const { token } = await sessions.create({ userId: "ada", agentId: "support" });
 * // With the next request:
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
  /** The conversations of an owner: lists, reads, renames, forks, rewinds, exports, imports and deletes them. */
  readonly conversations: Conversations;

  /** @throws InvalidOptionError if an option is missing, unknown or invalid. */
  constructor(options: SessionStoreOptions) {
    this.#settings = parseSessionOptions(options);
    this.#channel = endingsChannel(this.#settings.keyPrefix);
    this.conversations = new Conversations(this.#settings);
    this.#channels = new Channels(this.#settings.client);
    this.#signals = new SessionSignals(this.#channels, this.#channel, (session) => this.#timeLeft(session));
  }

  /**
   * Creates a session. Beyond `maxSessionsPerUser`, the same script ends the oldest sessions.
   *
   * If you repeat the call with the same `operationId`, there is still one session, and only the latest token works.
   *
   * @returns the token, the session, and the ids of the sessions that the limit ended. The token cannot be read again: Redis
   * stores only its hash.
   * @throws ReauthenticationRequiredError if all sessions of the owner were ended since `authenticatedAt`.
   * @throws SessionLimitError at the limit, if `atLimit` is `"reject"`.
   * @throws ConversationNotFoundError if `conversationId` does not belong to this user, organisation and agent.
   * @throws InvalidOptionError if an attribute is missing, unknown or invalid.
   * @throws OperationConflictError if another write had this `operationId`.
   * @throws StorageFullError if Redis is out of memory. No session was created.
   * @throws StoreUnavailableError otherwise. If it is `indeterminate`, repeat the call with its `operationId` and the same
   * attributes.
   *
   * @example
   * ```ts
   * const { token, session } = await sessions.create({ userId: "ada", agentId: "support" });
   * ```
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
    const random = drawBytes(2 * ID_BYTES + SECRET_BYTES);
    const id = newId("session", random.subarray(0, ID_BYTES));
    const { secretHash, tokenFor } = newSecret(random.subarray(2 * ID_BYTES));
    const conversationId = checked.conversationId ?? newId("conversation", random.subarray(ID_BYTES, 2 * ID_BYTES));
    // A repetition may have another authenticatedAt, because the credentials may have been renewed meanwhile.
    const { metadata, authenticatedAt, ...attributes } = checked;
    const connection = connectionOfOwner(this.#settings, keys);
    const metadataChange = metadataFields(metadata ?? {});
    const fields = initFields(id, conversationId, attributes, metadataChange.fields);
    const content = JSON.stringify([attributes, metadataChange]);
    const result = await write(connection, createScript, {
      operationId,
      sealedFor: this.#settings.lifetimeMilliseconds,
      keys: {
        index: keys.sessions,
        record: keys.session(id),
        operation: keys.operation(operationId),
        notBefore: keys.notBefore,
        ...(checked.conversationId !== undefined && {
          conversation: keys.conversation(conversationId),
          conversations: keys.conversations,
          threads: keys.threads,
        }),
      },
      arguments: (sealer) => ({
        digest: (sealer ?? unsealed).digest("create", content),
        id,
        limit: this.#settings.maxSessionsPerUser,
        atLimit: this.#settings.atLimit,
        idle: String(this.#settings.idleMilliseconds),
        lifetime: this.#settings.lifetimeMilliseconds,
        continues: checked.conversationId ?? "",
        agentId: checked.agentId,
        channel: this.#channel,
        secret: secretHash,
        attempt: String(nextAttempt()),
        authenticated: "authenticatedAt" in init ? secondOf(authenticatedAt) : "",
        fields: sealFields(sealer, id, fields),
      }),
    });
    const { idleMilliseconds, lifetimeMilliseconds } = this.#settings;
    // A repetition returns the session of the first attempt, which has another id. The token names that session.
    const session =
      result.startedAt === ""
        ? await openSession(connection, result.record)
        : startedSession(fields, Number(result.startedAt), { idleMilliseconds, lifetimeMilliseconds });
    return { token: tokenFor(tag, session.id), session, ended: [...result.ended] };
  }

  /**
   * Returns the live session of a token, and renews its idle timeout.
   *
   * @throws InvalidTokenError if the text is not a token. No request was sent to Redis.
   * @throws SessionNotFoundError if the session is not live. For 60 seconds after its end, `reason` says why.
   * @throws SessionMismatchError if the session is not the expected one. Nothing was renewed.
   * @throws ReauthenticationRequiredError if all sessions of the owner were ended since `authenticatedAt`.
   * @throws InvalidOptionError if a property of `expected` is unknown or invalid.
   * @throws StoreUnavailableError if Redis did not answer. Refuse the request then.
   *
   * @example
   * ```ts
   * const session = await sessions.verify(token, { userId: "ada", agentId: "support" });
   * ```
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
   * Gives the session a new token. The old token is refused from then on, and turns in flight go on. Rotate the token after
   * a sign-in, and whenever the user's rights change (OWASP Session Management).
   *
   * If you repeat the call with the same `operationId`, only the latest token works.
   *
   * @throws InvalidTokenError if the text is not a token.
   * @throws SessionNotFoundError if the session is not live, or has another token.
   * @throws StoreUnavailableError otherwise. If it is `indeterminate`, repeat the call with the same token and its
   * `operationId`.
   *
   * @example
   * ```ts
   * const { token: next } = await sessions.rotate(token);
   * ```
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
   * Merges metadata into the session. Other names stay, and a value of `null` removes its name.
   *
   * @returns the session after the update.
   * @throws SessionNotFoundError if the session is not live.
   * @throws InvalidOptionError if the metadata is invalid or too large.
   * @throws OperationConflictError, StorageFullError. Nothing was changed.
   * @throws StoreUnavailableError otherwise. If it is `indeterminate`, repeat the call with its `operationId`.
   *
   * @example
   * ```ts
   * await sessions.update(session, { metadata: { language: "fr", trial: null } });
   * ```
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
   * Points the session at another of the user's conversations with this agent, or, without `conversationId`, at a new one.
   * Turns in flight are stored in the conversation in which they began, because a history keeps its conversation.
   *
   * @returns the session after the change. Use it for the next turns.
   * @throws ConversationNotFoundError if this user, organisation and agent have no such conversation.
   * @throws SessionNotFoundError if the session is not live.
   * @throws OperationConflictError, StorageFullError. Nothing was changed.
   * @throws StoreUnavailableError otherwise. If it is `indeterminate`, repeat the call with its `operationId`.
   *
   * @example
   * ```ts
   * const next = await sessions.openConversation(session); // a new conversation
   * const history = sessions.history(next);
   * ```
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

  /**
   * Ends the session of a token.
   *
   * @returns `false` if the session was not live, or has another token by now.
   * @throws InvalidTokenError if the text is not a token.
   * @throws StoreUnavailableError otherwise. If it is `indeterminate`, repeat the call with its `operationId`.
   *
   * @example
   * ```ts
   * await sessions.end(token);
   * ```
   */
  async end(token: string, options?: WriteOptions): Promise<boolean> {
    const { tag, sessionId, secretHash } = parseToken(token);
    return (await this.#end(tag, options, { scope: "one", id: sessionId, secretHash })) > 0;
  }

  /**
   * Ends one of the owner's sessions, by its id.
   *
   * @returns `false` if the session was not live, or does not belong to the owner.
   * @throws InvalidOptionError if `owner` or `sessionId` is invalid.
   * @throws StoreUnavailableError otherwise. If it is `indeterminate`, repeat the call with its `operationId`.
   *
   * @example
   * ```ts
   * const [oldest] = await sessions.list({ userId: "ada" });
   * if (oldest) await sessions.endById({ userId: "ada" }, oldest.id);
   * ```
   */
  async endById(owner: Owner, sessionId: string, options?: WriteOptions): Promise<boolean> {
    const { userId, orgId } = parseOwner(owner);
    const id = parseId("sessionId", sessionId);
    return (await this.#end(ownerTag(userId, orgId), options, { scope: "one", id, secretHash: "" })) > 0;
  }

  /**
   * Ends all of the owner's sessions, or all but the session in `except`. Call it, for example, after a change of password.
   *
   * An earlier sign-in, or one of the same second, cannot open a session again: see `authenticatedAt` of {@link SessionInit}.
   * The session in `except` goes on with its sign-in, but to open another session, its user has to sign in again too. The
   * same user in another organisation is another owner, whose sessions and sign-ins stay valid.
   *
   * @returns the number of sessions that this call ended.
   * @throws InvalidOptionError if `owner` or `except` is invalid.
   * @throws StoreUnavailableError otherwise. If it is `indeterminate`, repeat the call with its `operationId`.
   *
   * @example
   * ```ts
   * await sessions.endAll({ userId: "ada" }, { except: session });
   * ```
   */
  async endAll(owner: Owner, options: WriteOptions & { except?: Session | undefined } = {}): Promise<number> {
    const { userId, orgId } = parseOwner(owner);
    const { except, ...writeOptions } = options;
    const id = except === undefined ? "" : parseSession("except", except).id;
    return this.#end(ownerTag(userId, orgId), writeOptions, { scope: "all", id, secretHash: "" });
  }

  /**
   * Returns the owner's live sessions, oldest first.
   *
   * @throws InvalidOptionError if `owner` is invalid.
   * @throws StoreUnavailableError if Redis did not answer within `deadline`.
   *
   * @example
   * ```ts
   * const devices = (await sessions.list({ userId: "ada" })).map(({ userAgent }) => userAgent);
   * ```
   */
  async list(owner: Owner): Promise<Session[]> {
    const keys = keysOf(this.#settings, owner);
    const budget = new Budget(connectionOfOwner(this.#settings, keys));
    const { records } = await run(budget.connection(), listScript, { keys: { index: keys.sessions }, arguments: {} });
    return Promise.all(records.map((record) => openSession(budget.connection(), record)));
  }

  /**
   * Returns the session's conversation as a chat history. Sends nothing to Redis. Reads and writes of the history check the
   * session in the same round trip: they throw a SessionNotFoundError once the session is not live, and a
   * ConversationNotFoundError if the conversation belongs to another agent. Writes renew the session, and add to its
   * `messageCount` and `toolCallCount`.
   *
   * @throws InvalidOptionError if `session` is not a session.
   *
   * @example
   * ```ts
   * const messages = await sessions.history(session).getMessages();
   * ```
   */
  history(session: Session): RedisChatMessageHistory {
    const checked = parseSession("session", session);
    return new RedisChatMessageHistory(
      new SessionLog(this.#settings, keysOf(this.#settings, checked), checked, this.#channels),
      this.#settings,
    );
  }

  /**
   * Returns the agent's memory of the user. All of the user's sessions with this agent share it, and `eraseUser` removes it.
   * Sends nothing to Redis. Reads and writes of the memory check the session in the same round trip: they throw a
   * SessionNotFoundError once the session is not live. Writes renew the session.
   *
   * @throws InvalidOptionError if `session` is not a session.
   *
   * @example
   * ```ts
   * await sessions.memory(session).set("language", "French");
   * ```
   */
  memory(session: Session): AgentMemory {
    const checked = parseSession("session", session);
    return new AgentMemory(sessionPlace(this.#settings, keysOf(this.#settings, checked), checked));
  }

  /**
   * Returns the answers in flight of the session's conversation, to begin, follow and stop one. Sends nothing to Redis. Any
   * session of the user on that conversation can follow an answer and stop it.
   *
   * @throws InvalidOptionError if `session` is not a session.
   *
   * @example
   * ```ts
   * const answer = await sessions.answers(session).begin({ operationId, input: "Hi" });
   * ```
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
   * @internal Returns the thread of the session's conversation, for SessionSaver. Its reads and writes check in the same
   * round trip that the session is live.
   */
  thread(session: Session, settings: ThreadSettings): Thread {
    const checked = parseSession("session", session);
    return sessionThread(this.#settings, keysOf(this.#settings, checked), checked, settings);
  }

  /**
   * @internal Returns the owner's items, for a RedisStore. Its reads and writes check in the same round trip that the session
   * is live. Writes renew the session.
   */
  items(session: Session, options: ItemOptions): ItemSpace {
    const checked = parseSession("session", session);
    return new ItemSpace(sessionItems(this.#settings, keysOf(this.#settings, checked), checked, options));
  }

  /**
   * Removes everything that is stored of an owner. All sessions end at once. Then sessions, conversations, agent memories,
   * threads and items of LangGraph are removed in bounded steps, each of which settles within `deadline`. Not atomic. You
   * can repeat the call: an interrupted erasure goes on where it stopped.
   *
   * Three kinds of marks stay for a while. None contains content.
   * - Records of sessions that ended within the last minute expire within a minute.
   * - A mark of each conversation expires within a day. Because of it, a turn that has read the erased conversation is refused
   *   with a ConversationChangedError.
   * - The time of the erasure is kept for `maxTokenLifetime`. Because of it, an earlier sign-in, or one of the same second,
   *   cannot open a session again (`authenticatedAt` of {@link SessionInit}).
   *
   * @returns the number of things of each kind that this call removed.
   * @throws InvalidOptionError if `owner` is invalid.
   * @throws StoreUnavailableError, NotReplicatedError. Repeat the call then.
   *
   * @example
   * ```ts
   * const { conversations } = await sessions.eraseUser({ userId: "ada" });
   * ```
   */
  async eraseUser(owner: Owner): Promise<Erased> {
    const removed = await eraseOwner(this.#settings, keysOf(this.#settings, owner));
    const { sessions = 0, conversations = 0, memories = 0, threads = 0, items = 0 } = removed;
    return { sessions, conversations, memories, threads, items };
  }

  /**
   * Yields everything that is stored of an owner, as plain JSON: live sessions without their tokens, conversations with
   * every message, agent memories, threads and items of LangGraph, and answers in flight. The call changes nothing and renews
   * no session. {@link Conversations.import} reads conversations back.
   *
   * Not atomic: records are read one after another. Data that exists when the call begins is yielded once, unless a limit, a
   * clear, a removal or an expiry removes it first. Data that is added meanwhile may be left out.
   *
   * The call reads one page at a time, so it needs bounded memory: about 1 MiB of messages, or 20 checkpoints of a thread. A
   * long conversation is yielded as a record of the kind `conversation`, followed by records of the kind `messages` for as
   * long as the last record `continues`. Conversations come in the order of their last activity, the earliest first. Each
   * round trip settles within `deadline`. To stop, leave the loop.
   *
   * @throws InvalidOptionError at once if `owner` is invalid.
   * @throws CorruptMessageError, CorruptCheckpointError for data that cannot be read, unless `onCorrupt` is `"skip"`.
   * @throws StoreUnavailableError if Redis did not answer within `deadline`. Start again then.
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
   * Ends every session of every owner, for an incident such as a leaked signing key. The call leaves a mark for each owner,
   * so that no earlier sign-in opens another session (`authenticatedAt` of {@link SessionInit}). First rotate the signing key,
   * or set `jwtAuthenticator({ notBefore })`. That takes effect at once, and also for users without stored data, whom this
   * call cannot find.
   *
   * Not atomic. The call scans every primary (`SCAN`) in steps of about 500 keys, in bounded memory, and each step settles
   * within `deadline`. Sessions that are created meanwhile may stay. You can repeat the call. Repeat it if it failed, and if
   * a failover or a move of slots happened while it ran.
   *
   * @returns the number of owners whose sessions this call ended, and the number of their live sessions.
   * @throws StoreUnavailableError, NotReplicatedError. The sessions of some owners may have been ended already.
   *
   * @example
   * ```ts
   * const { sessions: ended } = await sessions.endEverybody({ onProgress: console.log });
   * ```
   */
  async endEverybody(options: EndEverybodyOptions = {}): Promise<{ owners: number; sessions: number }> {
    return endEverybody(this.#settings, parseEverybody(options).onProgress);
  }

  /**
   * Returns a signal that aborts when the session ends, in any process. Its `reason` is a SessionNotFoundError. Use it to stop
   * a model call early. Writes do not need it, because each checks the session itself. The store opens one subscriber
   * connection for all signals, until `close()`.
   *
   * @throws InvalidOptionError if `session` is not a session.
   *
   * @example
   * ```ts
   * await model.invoke(messages, { signal: sessions.signal(session) });
   * ```
   */
  signal(session: Session): AbortSignal {
    parseSession("session", session);
    return this.#signals.of(session);
  }

  /**
   * @internal Returns such a signal for one turn, to be released at its end. Asks Redis nothing, because the turn checks the
   * session itself.
   */
  watch(session: Session): SessionWatch {
    parseSession("session", session);
    return this.#signals.during(session);
  }

  /**
   * Closes the subscriber, the only connection that this store opens. The client belongs to the caller and stays open. Signals
   * no longer fire, including later ones. All other methods still work. Call it when the program is about to end, because an
   * open subscriber keeps the process alive.
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

/** Returns the time of the sign-in in the form that the scripts read. */
function secondOf(authenticatedAt: Date | undefined): string {
  return authenticatedAt === undefined ? "unknown" : String(Math.floor(authenticatedAt.getTime() / 1_000));
}

let lastAttempt = 0;

/**
 * Returns a number that grows with each attempt. Attempts of one process are in order even if its clock is set back.
 * Attempts of several processes are in order only if their clocks agree.
 */
function nextAttempt(): number {
  lastAttempt = Math.max(lastAttempt + 1, Date.now());
  return lastAttempt;
}

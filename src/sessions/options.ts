import * as z from "../options/schema.js";
import { type MemorySpaceOptions, parseSpaceOptions, type SpaceSettings } from "../agent-memory/options.js";
import { parseStoreOptions, type StoreOptions, type StoreSettings } from "../chat-history/options.js";
import { isObject } from "../codec/json.js";
import { type Duration, durationSchema } from "../options/duration.js";
import { InvalidOptionError } from "../errors.js";
import { countSchema, idSchema, textSchema, validate } from "../options/validation.js";
import { newOperationId, type WriteOptions, writeShape } from "../redis/operation.js";
import type { EndEverybodyOptions, EndEverybodyProgress } from "./everybody.js";
import { positionSchema } from "./positions.js";
import type { Conversation, Session } from "./session.js";
import { once } from "../options/once.js";

/** Options of {@link SessionStore}. */
export interface SessionStoreOptions extends StoreOptions {
  /**
   * The time that a session lives without activity. `verify` and every turn renew it, but never beyond `lifetime`.
   * @default "4h"
   */
  idleTimeout?: Duration | undefined;
  /**
   * The longest time that a session lives, however active it is.
   * @default "7d"
   */
  lifetime?: Duration | undefined;
  /**
   * The time that a conversation lives after its last turn. At least `lifetime`.
   * @default "30d"
   */
  conversationTtl?: Duration | undefined;
  /**
   * The most live sessions of one user.
   * @default 5
   */
  maxSessionsPerUser?: number | undefined;
  /**
   * Decides what `create` does at the limit: `"end-oldest"` ends the oldest sessions, `"reject"` throws a
   * `SessionLimitError`.
   * @default "end-oldest"
   */
  atLimit?: "end-oldest" | "reject" | undefined;
  /**
   * With `"strict"`, a session needs an `ipAddress`, and `verify` refuses it from any other address.
   * @default "off"
   */
  addressBinding?: "off" | "strict" | undefined;
  /**
   * The longest time for which a sign-in can be used: the lifetime of its tokens, renewals included. For this time the store
   * remembers that all sessions of a user were ended, and that `authenticatedAt` has to be later.
   * @default "1d"
   */
  maxTokenLifetime?: Duration | undefined;
  /**
   * The `ttl` and `limits` of each memory that `memory(session)` returns.
   * @default no ttl, no limits
   */
  memory?: MemorySpaceOptions | undefined;
}

export interface SessionSettings extends StoreSettings {
  readonly idleMilliseconds: number;
  readonly lifetimeMilliseconds: number;
  readonly conversationMilliseconds: number;
  readonly maxSessionsPerUser: number;
  readonly atLimit: "end-oldest" | "reject";
  readonly addressBinding: "off" | "strict";
  readonly maxTokenMilliseconds: number;
  readonly memory: SpaceSettings;
}

const ownSchema = once(() =>
  z.object({
    idleTimeout: z.prefault(durationSchema(), "4h"),
    lifetime: z.prefault(durationSchema(), "7d"),
    conversationTtl: z.prefault(durationSchema(), "30d"),
    maxSessionsPerUser: z._default(countSchema(), 5),
    atLimit: z._default(z.enum(["end-oldest", "reject"], 'use "end-oldest" or "reject"'), "end-oldest"),
    addressBinding: z._default(z.enum(["off", "strict"], 'use "off" or "strict"'), "off"),
    maxTokenLifetime: z.prefault(durationSchema(), "1d"),
  }),
);

export function parseSessionOptions(options: SessionStoreOptions): SessionSettings {
  if (!hasNames(options)) throw new InvalidOptionError("options", "pass an object with at least client.");
  const { idleTimeout, lifetime, conversationTtl, maxSessionsPerUser, atLimit, addressBinding, ...others } = options;
  const { maxTokenLifetime, memory, ...store } = others;
  const limits = { idleTimeout, lifetime, conversationTtl, maxSessionsPerUser, atLimit, addressBinding };
  const checkedStore = parseStoreOptions(store);
  const own = validate(ownSchema(), "options", { ...limits, maxTokenLifetime });
  const settings: SessionSettings = {
    ...checkedStore,
    idleMilliseconds: own.idleTimeout,
    lifetimeMilliseconds: own.lifetime,
    conversationMilliseconds: own.conversationTtl,
    maxSessionsPerUser: own.maxSessionsPerUser,
    atLimit: own.atLimit,
    addressBinding: own.addressBinding,
    maxTokenMilliseconds: own.maxTokenLifetime,
    memory: parseSpaceOptions("memory", memory),
  };
  // The default may be longer than a short lifetime. An idleTimeout that was given and is longer is a mistake in units.
  if (idleTimeout !== undefined && settings.idleMilliseconds > settings.lifetimeMilliseconds) {
    throw new InvalidOptionError("idleTimeout", "use at most lifetime, which ends it anyway; a number means seconds.");
  }
  if (settings.conversationMilliseconds < settings.lifetimeMilliseconds) {
    throw new InvalidOptionError("conversationTtl", "use at least lifetime: a live session needs its conversation.");
  }
  return settings;
}

/** The owner of sessions and conversations. The same `userId` in two organisations means two owners. */
export interface Owner {
  /** The user's id: any non-empty well-formed string of up to 1 KiB of UTF-8. */
  userId: string;
  /**
   * The organisation's id, of the same form.
   * @default no organisation
   */
  orgId?: string | undefined;
}

/** Attributes of a new session. */
export interface SessionInit extends Owner {
  /** The agent that this session talks to. */
  agentId: string;
  /**
   * The conversation to go on with. It has to belong to this user, organisation and agent.
   * @default a new conversation
   */
  conversationId?: string | undefined;
  /** The client's address. Required if `addressBinding` is `"strict"`. */
  ipAddress?: string | undefined;
  /** The client's `User-Agent`. */
  userAgent?: string | undefined;
  /** JSON values by name, up to 64 KiB and 1000 names. A value of `null` is left out. */
  metadata?: Record<string, unknown> | undefined;
  /**
   * The time at which the user proved who they are, by the clock of the party that checked it, such as `auth_time` of a JWT.
   * It has to be in a later second than the last `endAll`, `eraseUser` or `endEverybody`, as long as that call is remembered
   * (`maxTokenLifetime`). Leave it out if the user has signed in just now: then it is not compared. `undefined` means that
   * the time is not known, and is refused once there was such a call.
   */
  authenticatedAt?: Date | undefined;
}

/**
 * The attributes that a session has to match. A property that is left out is not compared. A `userId` or `agentId` that is
 * present and `undefined`, for example because the credentials lack the claim, is refused, because it would let anyone in.
 */
export interface ExpectedSession {
  userId?: string;
  /** The organisation. If left out, any organisation matches. `undefined` means that the session must have none. */
  orgId?: string | undefined;
  agentId?: string;
  /** The client's address. Compared if `addressBinding` is `"strict"`; a missing address then does not match. */
  ipAddress?: string | undefined;
  /** The time of the sign-in, as in {@link SessionInit}. Not compared for a session that `endAll` has spared. */
  authenticatedAt?: Date | undefined;
}

function hasNames(value: unknown): boolean {
  return isObject(value) && !Array.isArray(value);
}

const authenticatedSchema = once(() => z.optional(z.date('use a date, such as new Date(claims["auth_time"] * 1000)')));
const ownerShape = once(() => ({ userId: idSchema(), orgId: z.optional(idSchema()) }));
export const ownerSchema: () => z.ZodType<Owner, unknown> = once(() =>
  z.object(ownerShape(), "pass an object with userId"),
);
const initSchema = once(() =>
  z.strictObject(
    {
      ...ownerShape(),
      agentId: idSchema(),
      conversationId: z.optional(idSchema()),
      ipAddress: z.optional(textSchema()),
      userAgent: z.optional(textSchema()),
      // Not z.record(), which leaves out a name such as "__proto__".
      metadata: z.optional(z.custom<Record<string, unknown>>(hasNames, "use an object")),
      authenticatedAt: authenticatedSchema(),
    },
    "pass an object with userId and agentId",
  ),
);
const expectedSchema = once(() =>
  z.strictObject(
    {
      userId: z.exactOptional(idSchema()),
      orgId: z.optional(idSchema()),
      agentId: z.exactOptional(idSchema()),
      ipAddress: z.optional(textSchema()),
      authenticatedAt: authenticatedSchema(),
    },
    "pass an object",
  ),
);

export function parseOwner(owner: Owner): Owner {
  return validate(ownerSchema(), "owner", owner);
}

export function parseInit(init: SessionInit): SessionInit {
  return validate(initSchema(), "init", init);
}

export function parseExpected(expected: ExpectedSession): ExpectedSession {
  return validate(expectedSchema(), "expected", expected);
}

export function parseTitle(title: string): string {
  return validate(textSchema(), "title", title);
}

export function parseId(name: string, id: string): string {
  return validate(idSchema(), name, id);
}

// This library makes the ids of sessions and conversations, so an id of another shape is not one of them.
const madeIdSchema = once(() => z.check(z.string(), z.regex(/^[\w-]{22}$/)));
const sessionRefSchema = once(() =>
  z.object({
    ...ownerShape(),
    id: madeIdSchema(),
    conversationId: madeIdSchema(),
    agentId: idSchema(),
  }),
);
const everybodySchema = once(() =>
  z.strictObject(
    {
      onProgress: z._default(
        z.custom<(progress: EndEverybodyProgress) => void>((value) => typeof value === "function", "use a function"),
        () => () => {},
      ),
    },
    "pass an object, such as { onProgress }",
  ),
);
const patchSchema = once(() =>
  z.strictObject(
    { metadata: z.custom<Record<string, unknown>>(hasNames, "use an object") },
    "pass an object with metadata",
  ),
);
const limitSchema = once(() =>
  z.check(z.int("use a whole number"), z.gte(1, "use at least 1"), z.lte(1_000, "use at most 1000")),
);
const dateSchema = once(() => z.coercedDate("use the date of a Conversation"));
const conversationPageSchema = once(() =>
  z.strictObject(
    {
      limit: z._default(limitSchema(), 20),
      before: z.optional(z.object({ lastActivityAt: dateSchema() }, "pass a Conversation")),
    },
    "pass an object",
  ),
);
const messagePageSchema = once(() =>
  z.strictObject(
    {
      limit: z._default(limitSchema(), 50),
      before: z.optional(
        z.union([z.check(z.int(), z.gte(0)), positionSchema()], "use the position of a message, or its index"),
      ),
    },
    "pass an object",
  ),
);

/** The page that {@link Conversations.list} returns. */
export interface ConversationPage {
  /**
   * The most conversations of the page. At most 1000.
   * @default 20
   */
  limit?: number | undefined;
  /**
   * The last conversation of the previous page.
   * @default none: the page starts with the most recent conversation
   */
  before?: Pick<Conversation, "lastActivityAt"> | undefined;
}

/** The page that {@link Conversations.messages} returns. */
export interface MessagePage {
  /**
   * The most messages of the page. At most 1000.
   * @default 50
   */
  limit?: number | undefined;
  /**
   * The position, or the index, of the first message of the page that you have. The page ends in front of that message.
   * @default none: the page ends with the latest message
   */
  before?: string | number | undefined;
}

/** Options of {@link Conversations.rewind}. */
export interface RewindOptions extends WriteOptions {
  /** The position of a user's message. That message and all messages behind it are removed. */
  before: string;
}

/** Options of {@link Conversations.fork}. */
export interface ForkOptions extends WriteOptions {
  /**
   * The position of a user's message. The messages in front of it are copied.
   * @default none: all messages are copied
   */
  before?: string | undefined;
  /**
   * The title of the new conversation.
   * @default the title of the copied conversation
   */
  title?: string | undefined;
}

const rewindSchema = once(() =>
  z.strictObject({ ...writeShape(), before: positionSchema() }, "pass an object, such as { before }"),
);
const forkSchema = once(() =>
  z.strictObject(
    { ...writeShape(), before: z.optional(positionSchema()), title: z.optional(textSchema()) },
    "pass an object, such as { before }",
  ),
);

export function parseRewind(options: RewindOptions): { before: string; operationId: string } {
  const { before, operationId = newOperationId() } = validate(rewindSchema(), "options", options);
  return { before, operationId };
}

export function parseFork(options: ForkOptions): { before: string; title: string | undefined; operationId: string } {
  const { before = "", title, operationId = newOperationId() } = validate(forkSchema(), "options", options);
  return { before, title, operationId };
}

/** The attributes of a session that calls need. */
export type SessionRef = Pick<Session, "id" | "conversationId" | "userId" | "orgId" | "agentId">;

export function parseSession(name: string, session: SessionRef): SessionRef {
  const parsed = z.safeParse(sessionRefSchema(), session);
  if (parsed.success) return parsed.data;
  // This library makes every session, so a value with any fault is something else, such as a promise or a token.
  throw new InvalidOptionError(
    name,
    "pass the session that verify() returned, or the session in the result of create(); not a promise, and not a token.",
  );
}

export function parseEverybody(options: EndEverybodyOptions): {
  onProgress: (progress: EndEverybodyProgress) => void;
} {
  return validate(everybodySchema(), "options", options);
}

export function parsePatch(patch: { metadata: Record<string, unknown> }): { metadata: Record<string, unknown> } {
  return validate(patchSchema(), "patch", patch);
}

export function parseConversationPage(page: ConversationPage): { limit: number; before: number | undefined } {
  const { limit, before } = validate(conversationPageSchema(), "page", page);
  return { limit, before: before?.lastActivityAt.getTime() };
}

export function parseMessagePage(page: MessagePage): { limit: number; before?: string | number | undefined } {
  return validate(messagePageSchema(), "page", page);
}

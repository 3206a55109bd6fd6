import { z } from "zod";
import { type MemorySpaceOptions, parseSpaceOptions, type SpaceSettings } from "../agent-memory/options.js";
import { parseStoreOptions, type StoreOptions, type StoreSettings } from "../chat-history/options.js";
import { isObject } from "../codec/json.js";
import { type Duration, durationSchema } from "../options/duration.js";
import { InvalidOptionError } from "../errors.js";
import { countSchema, idSchema, textSchema, validate } from "../options/validation.js";
import type { EndEverybodyOptions, EndEverybodyProgress } from "./everybody.js";
import type { Conversation, Session } from "./schema.js";

/** Options of {@link SessionStore}. */
export interface SessionStoreOptions extends StoreOptions {
  /**
   * How long a session lives without activity; slides on `verify` and on every turn, never past `lifetime`.
   * @default "4h"
   */
  idleTimeout?: Duration | undefined;
  /**
   * How long a session lives at most, whatever its activity.
   * @default "7d"
   */
  lifetime?: Duration | undefined;
  /**
   * How long a conversation lives after its last turn; at least `lifetime`.
   * @default "30d"
   */
  conversationTtl?: Duration | undefined;
  /**
   * How many live sessions a user may have.
   * @default 5
   */
  maxSessionsPerUser?: number | undefined;
  /**
   * What `create` does at the limit: end the oldest sessions, or throw a `SessionLimitError`.
   * @default "end-oldest"
   */
  atLimit?: "end-oldest" | "reject" | undefined;
  /**
   * `"strict"`: a session needs an `ipAddress`, and `verify` refuses it from any other.
   * @default "off"
   */
  addressBinding?: "off" | "strict" | undefined;
  /**
   * How long what a user was given at a sign-in may be used: the longest lifetime of its tokens, renewals included. So
   * long it is remembered that all sessions of the user were ended, and that `authenticatedAt` has to be later.
   * @default "1d"
   */
  maxTokenLifetime?: Duration | undefined;
  /**
   * What holds for each memory that `memory(session)` returns: its `ttl` and `limits`.
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

const ownSchema = z.object({
  idleTimeout: durationSchema().prefault("4h"),
  lifetime: durationSchema().prefault("7d"),
  conversationTtl: durationSchema().prefault("30d"),
  maxSessionsPerUser: countSchema.default(5),
  atLimit: z.enum(["end-oldest", "reject"], 'use "end-oldest" or "reject"').default("end-oldest"),
  addressBinding: z.enum(["off", "strict"], 'use "off" or "strict"').default("off"),
  maxTokenLifetime: durationSchema().prefault("1d"),
});

export function parseSessionOptions(options: SessionStoreOptions): SessionSettings {
  if (!hasNames(options)) throw new InvalidOptionError("options", "pass an object with at least client.");
  const { idleTimeout, lifetime, conversationTtl, maxSessionsPerUser, atLimit, addressBinding, ...others } = options;
  const { maxTokenLifetime, memory, ...store } = others;
  const limits = { idleTimeout, lifetime, conversationTtl, maxSessionsPerUser, atLimit, addressBinding };
  const checkedStore = parseStoreOptions(store);
  const own = validate(ownSchema, "options", { ...limits, maxTokenLifetime });
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
  // The default may be longer than a short lifetime; a longer one that was asked for is milliseconds taken for seconds.
  if (idleTimeout !== undefined && settings.idleMilliseconds > settings.lifetimeMilliseconds) {
    throw new InvalidOptionError("idleTimeout", "use at most lifetime, which ends it anyway; a number means seconds.");
  }
  if (settings.conversationMilliseconds < settings.lifetimeMilliseconds) {
    throw new InvalidOptionError("conversationTtl", "use at least lifetime: a live session needs its conversation.");
  }
  return settings;
}

/** Whose sessions and conversations. The same `userId` in two organisations is two owners. */
export interface Owner {
  userId: string;
  orgId?: string | undefined;
}

/** What a session is created with. */
export interface SessionInit extends Owner {
  /** The agent that this session talks to. */
  agentId: string;
  /** A conversation to go on with: one of this user, organisation and agent. Absent, a new one. */
  conversationId?: string | undefined;
  ipAddress?: string | undefined;
  userAgent?: string | undefined;
  /** Values that JSON can hold, up to 64 KiB a call. `null` is left out. */
  metadata?: Record<string, unknown> | undefined;
  /**
   * When the user proved who they are, by the clock of whoever checked it: `auth_time` of a JWT, say. It has to be in a
   * later second than the last `endAll` or `eraseUser` of this owner, as long as that is remembered (`maxTokenLifetime`).
   * `undefined`: not known, and refused once there was one. Left out, not compared: the user has signed in just now.
   */
  authenticatedAt?: Date | undefined;
}

/**
 * What a session has to match. What is left out is not compared; a `userId` or `agentId` that is there and `undefined`
 * (a claim that the credentials lack, say) is refused, as it would let anyone in.
 */
export interface ExpectedSession {
  userId?: string;
  /** Left out, any organisation; `undefined`, none. */
  orgId?: string | undefined;
  agentId?: string;
  /** Compared where `addressBinding` is `"strict"`; missing there, it does not match. */
  ipAddress?: string | undefined;
  /** As in {@link SessionInit}; a session that `endAll` has spared goes on with any. */
  authenticatedAt?: Date | undefined;
}

function hasNames(value: unknown): boolean {
  return isObject(value) && !Array.isArray(value);
}

const authenticatedSchema = z.date('use a date, such as new Date(claims["auth_time"] * 1000)').optional();
const ownerShape = { userId: idSchema, orgId: idSchema.optional() };
export const ownerSchema: z.ZodType<Owner> = z.object(ownerShape, "pass an object with userId");
const initSchema = z.strictObject(
  {
    ...ownerShape,
    agentId: idSchema,
    conversationId: idSchema.optional(),
    ipAddress: textSchema.optional(),
    userAgent: textSchema.optional(),
    // Not z.record(), which leaves out a name such as "__proto__".
    metadata: z.custom<Record<string, unknown>>(hasNames, "use an object").optional(),
    authenticatedAt: authenticatedSchema,
  },
  "pass an object with userId and agentId",
);
const expectedSchema = z.strictObject(
  {
    userId: z.exactOptional(idSchema),
    orgId: idSchema.optional(),
    agentId: z.exactOptional(idSchema),
    ipAddress: textSchema.optional(),
    authenticatedAt: authenticatedSchema,
  },
  "pass an object",
);

export function parseOwner(owner: Owner): Owner {
  return validate(ownerSchema, "owner", owner);
}

export function parseInit(init: SessionInit): SessionInit {
  return validate(initSchema, "init", init);
}

export function parseExpected(expected: ExpectedSession): ExpectedSession {
  return validate(expectedSchema, "expected", expected);
}

export function parseTitle(title: string): string {
  return validate(textSchema, "title", title);
}

export function parseId(name: string, id: string): string {
  return validate(idSchema, name, id);
}

// Ids of sessions and conversations are made here, so what looks otherwise was made up elsewhere.
const madeIdSchema = z.string().regex(/^[\w-]{22}$/);
const sessionRefSchema = z.object({
  ...ownerShape,
  id: madeIdSchema,
  conversationId: madeIdSchema,
  agentId: idSchema,
});
const everybodySchema = z.strictObject(
  {
    onProgress: z
      .custom<(progress: EndEverybodyProgress) => void>((value) => typeof value === "function", "use a function")
      .default(() => () => {}),
  },
  "pass an object, such as { onProgress }",
);
const patchSchema = z.strictObject(
  { metadata: z.custom<Record<string, unknown>>(hasNames, "use an object") },
  "pass an object with metadata",
);
const limitSchema = z.int("use a whole number").min(1, "use at least 1").max(1_000, "use at most 1000");
const dateSchema = z.coerce.date("use the date of a Conversation");
const conversationPageSchema = z.strictObject(
  {
    limit: limitSchema.default(20),
    before: z.object({ lastActivityAt: dateSchema }, "pass a Conversation").optional(),
  },
  "pass an object",
);
const messagePageSchema = z.strictObject(
  {
    limit: limitSchema.default(50),
    before: z.int("use the index of a message").min(0, "use the index of a message").optional(),
  },
  "pass an object",
);

export interface ConversationPage {
  /**
   * How many at most; up to 1000.
   * @default 20
   */
  limit?: number | undefined;
  /** The last one of the page before. */
  before?: Pick<Conversation, "lastActivityAt"> | undefined;
}

export interface MessagePage {
  /**
   * How many at most; up to 1000.
   * @default 50
   */
  limit?: number | undefined;
  /** Only those in front of this index: that of the first one of the page after. */
  before?: number | undefined;
}

/** What of a session its calls need. */
export type SessionRef = Pick<Session, "id" | "conversationId" | "userId" | "orgId" | "agentId">;

export function parseSession(name: string, session: SessionRef): SessionRef {
  const parsed = sessionRefSchema.safeParse(session);
  if (parsed.success) return parsed.data;
  // Whatever is wrong with one that was made here, it is another thing than a session.
  throw new InvalidOptionError(
    name,
    "pass what verify() returned, or the session of what create() returned: awaited, and not the token.",
  );
}

export function parseEverybody(options: EndEverybodyOptions): {
  onProgress: (progress: EndEverybodyProgress) => void;
} {
  return validate(everybodySchema, "options", options);
}

export function parsePatch(patch: { metadata: Record<string, unknown> }): { metadata: Record<string, unknown> } {
  return validate(patchSchema, "patch", patch);
}

export function parseConversationPage(page: ConversationPage): { limit: number; before: number | undefined } {
  const { limit, before } = validate(conversationPageSchema, "page", page);
  return { limit, before: before?.lastActivityAt.getTime() };
}

export function parseMessagePage(page: MessagePage): { limit: number; before?: number | undefined } {
  return validate(messagePageSchema, "page", page);
}

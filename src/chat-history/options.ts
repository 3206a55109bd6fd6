import * as z from "../options/schema.js";
import { type StoredFormOptions, storedFormShape } from "../encryption/options.js";
import type { StoredForm } from "../encryption/vault.js";
import { type Duration, durationSchema, useDuration } from "../options/duration.js";
import {
  type ConnectionOptions,
  connectionSettings,
  connectionShape,
  type KeyedConnection,
} from "../redis/connection-options.js";
import { kindOfId, type MadeId } from "../options/ids.js";
import { countSchema, idSchema, validate } from "../options/validation.js";
import type { Window } from "../messages/window.js";
import type { StandaloneLogSettings } from "./standalone-log.js";
import { once } from "../options/once.js";

/** Options of everything that keeps messages in Redis. */
export interface StoreOptions extends ConnectionOptions, StoredFormOptions {
  /**
   * Limits the messages that `getMessages()` and turns read. It never limits what is stored.
   * @default no limit
   */
  window?: Window | undefined;
  /**
   * The most messages that are stored. The script that appends removes the oldest messages beyond it.
   * @default no limit
   */
  maxMessages?: number | undefined;
  /**
   * The most bytes of UTF-8 of one encoded message. A larger message is refused before anything is sent.
   * @default 8388608 (8 MiB)
   */
  maxMessageBytes?: number | undefined;
  /**
   * Decides what a read does with an entry that cannot be read. `"throw"` throws a `CorruptMessageError` that names its
   * index. `"skip"` leaves the entry out and returns the rest.
   * @default "throw"
   */
  onCorrupt?: "throw" | "skip" | undefined;
}

/** Options of {@link RedisChatMessageHistory}. */
export interface RedisChatMessageHistoryOptions extends StoreOptions {
  /**
   * The conversation's id. (`sessionId` is LangChain's name for it.) Use an id of your own: a non-empty, well-formed string
   * of up to 1 KiB of UTF-8. It may come from an untrusted source.
   *
   * This is not a session of a `SessionStore`, whose conversation is `sessions.history(session)`. The `id` or
   * `conversationId` of such a session is refused, because it would name another, empty conversation. A session token is
   * refused too, because it would become readable in a key.
   */
  sessionId: string;
  /**
   * The time that the conversation lives after its last write. `"never"` keeps it until `clear()`.
   * @default "30d"
   */
  ttl?: Duration | "never" | undefined;
}

/** The limits of reading and writing, for every kind of log. */
export interface HistoryLimits {
  readonly window: Window | undefined;
  /** 0 for no limit. */
  readonly maxMessages: number;
  readonly maxMessageBytes: number;
  readonly onCorrupt: "throw" | "skip";
}

/** The checked options of a store, with all defaults, and durations in milliseconds. */
export interface StoreSettings extends HistoryLimits, KeyedConnection, StoredForm {}

/** The checked options of a history, with all defaults, and durations in milliseconds. */
export interface HistorySettings extends StoreSettings, StandaloneLogSettings {}

const MIB = 1_048_576;

const storeShape = once(() => ({
  ...connectionShape(),
  ...storedFormShape(),
  window: z.optional(
    z.union(
      [
        z.strictObject({ messages: countSchema() }),
        z.strictObject({
          tokens: countSchema(),
          tokenCounter: z.custom<TokenCounter>((value) => typeof value === "function"),
        }),
      ],
      "use { messages: 20 } or { tokens: 4000, tokenCounter: (messages) => … } with whole numbers of at least 1",
    ),
  ),
  maxMessages: z.optional(countSchema()),
  maxMessageBytes: z._default(countSchema(), 8 * MIB),
  onCorrupt: z._default(z.enum(["throw", "skip"], 'use "throw" or "skip"'), "throw"),
}));

const storeSchema = once(() => z.strictObject(storeShape()));

const belonging: Readonly<Record<MadeId, string>> = {
  session: "this is the id of a session: its conversation is sessions.history(session)",
  conversation:
    "this is a conversation of sessions: use sessions.history(session), or sessions.conversations.messages(owner, conversationId)",
};
const ownConversationSchema = once(() =>
  z.check(
    idSchema(),
    z.superRefine((id, context) => {
      const kind = kindOfId(id);
      if (kind !== undefined) context.addIssue({ code: "custom", message: belonging[kind] });
    }),
  ),
);

const historySchema = once(() =>
  z.strictObject(
    {
      ...storeShape(),
      sessionId: ownConversationSchema(),
      ttl: z.prefault(z.union([z.transform(z.literal("never"), () => 0), durationSchema()], useDuration), "30d"),
    },
    "pass an object with at least client and sessionId",
  ),
);

type TokenCounter = Extract<Window, { tokens: number }>["tokenCounter"];

/**
 * The options that were checked last for each client. A program makes a history for every turn, with options that differ
 * only in the id. Checking the other options each time would take a fifth of the processor time of an append.
 */
const checkedLast = new WeakMap<object, { readonly options: Options; readonly settings: HistorySettings }>();

type Options = Readonly<Record<string, unknown>>;

/**
 * Returns the settings of a history.
 *
 * @throws InvalidOptionError if an option is missing, unknown or invalid.
 */
export function parseHistoryOptions(options: RedisChatMessageHistoryOptions): HistorySettings {
  const last = checkedLast.get(options?.client);
  if (last !== undefined && differInIdOnly(last.options, { ...options })) {
    return { ...last.settings, sessionId: validate(ownConversationSchema(), "sessionId", options.sessionId) };
  }
  const parsed = validate(historySchema(), "options", options);
  const settings = {
    ...storeSettings(parsed),
    sessionId: parsed.sessionId,
    ttlMilliseconds: parsed.ttl,
  };
  checkedLast.set(options.client, { options: { ...options }, settings });
  return settings;
}

/**
 * Returns true if two sets of options differ only in the id. A window or a wait counts as different, because its object may
 * have changed since.
 */
function differInIdOnly(one: Options, other: Options): boolean {
  const names = Object.keys(other);
  return (
    names.length === Object.keys(one).length &&
    names.every(
      (name) =>
        name === "sessionId" ||
        (other[name] === one[name] &&
          Object.hasOwn(one, name) &&
          (name === "client" || name === "encryption" || typeof other[name] !== "object")),
    )
  );
}

/**
 * Returns the settings of everything that keeps messages.
 *
 * @throws InvalidOptionError if an option is missing, unknown or invalid.
 */
export function parseStoreOptions(options: StoreOptions): StoreSettings {
  return storeSettings(validate(storeSchema(), "options", options));
}

// Set each field by name: a history is made for every turn, and rest and spread would take longer than all the checks.
function storeSettings(parsed: z.output<ReturnType<typeof storeSchema>>): StoreSettings {
  return {
    ...connectionSettings(parsed),
    encryption: parsed.encryption,
    compress: parsed.compress,
    window: parsed.window,
    maxMessages: parsed.maxMessages ?? 0,
    maxMessageBytes: parsed.maxMessageBytes,
    onCorrupt: parsed.onCorrupt,
  };
}

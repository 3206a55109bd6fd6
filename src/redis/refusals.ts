import {
  ConversationBusyError,
  ConversationChangedError,
  ConversationNotFoundError,
  ConversationTooLargeError,
  CorruptMessageError,
  CorruptCheckpointError,
  EncryptionKeyError,
  InvalidOptionError,
  type LangChainRedisError,
  OperationConflictError,
  PositionNotFoundError,
  type Quota,
  QuotaExceededError,
  ReauthenticationRequiredError,
  SessionLimitError,
  SessionMismatchError,
  SessionNotFoundError,
  StoreUnavailableError,
  ThreadChangedError,
  ThreadDeletedError,
  ValueMismatchError,
  VersionConflictError,
} from "../errors.js";
import { count, outcome, text } from "./replies.js";

/** What the caller knows about the script that it sent, for the error message. */
export interface About {
  /** Absent if the script records no operation. */
  readonly operationId?: string | undefined;
  /** The subject that the error names: a key of agent memory or of Redis, or a thread. */
  readonly subject?: string | undefined;
}

const quotas: readonly Quota[] = ["writesPerDay", "storageBytes", "valueBytes", "keys"];

/** The table from the outcome of a script to an error. A script may refuse with these outcomes only. */
const errors = {
  unknown: () => new SessionNotFoundError(),
  ended: () => new SessionNotFoundError("ended"),
  evicted: () => new SessionNotFoundError("evicted"),
  expired: () => new SessionNotFoundError("expired"),
  rotated: () => new SessionNotFoundError("rotated"),
  mismatch: () => new SessionMismatchError(),
  authenticate: () => new ReauthenticationRequiredError(),
  limit: (_about, limit) => new SessionLimitError(count(limit)),

  "no-conversation": () => new ConversationNotFoundError(),
  changed: () => new ConversationChangedError(),
  "no-position": () => new PositionNotFoundError(),
  "no-question": (_about, option) => new InvalidOptionError(text(option), "use the position of a user's message."),
  "nothing-before": (_about, option) => new InvalidOptionError(text(option), "there is no message before this one."),
  "too-large": () => new ConversationTooLargeError(),
  "lease-lost": () => new ConversationBusyError("lost"),
  foreign: ({ subject }) =>
    new CorruptMessageError(`${subject} (or :meta) holds a value of another type. It was left unchanged.`),

  "sealed-only": () =>
    new EncryptionKeyError(
      "All messages of this conversation are sealed, so it accepts no plain ones. Pass an `encryption` that seals.",
    ),

  "thread-deleted": () => new ThreadDeletedError(),
  "thread-changed": () => new ThreadChangedError(),
  "corrupt-thread": ({ subject = "" }) => new CorruptCheckpointError(subject),

  conflict: ({ operationId = "" }) => new OperationConflictError(operationId),
  // This attempt ran after a later one, or its caller's clock is behind. Its token would replace a newer token.
  superseded: ({ operationId }) =>
    new StoreUnavailableError("A later attempt of this operation has run. Use the result of that attempt.", {
      indeterminate: true,
      operationId,
    }),

  version: ({ subject = "" }, version) => new VersionConflictError(subject, count(version)),
  quota: (_about, name, usage, limit, milliseconds) => {
    const wait = count(milliseconds);
    return new QuotaExceededError({
      quota: outcome(name, quotas),
      usage: count(usage),
      limit: count(limit),
      retryAfter: wait > 0 ? Math.ceil(wait / 1_000) : undefined,
    });
  },
  "not-integer": ({ subject = "" }) => new ValueMismatchError(subject, "is not a whole number"),
  "not-array": ({ subject = "" }) => new ValueMismatchError(subject, "is not an array"),
  unsafe: ({ subject = "" }) =>
    new ValueMismatchError(subject, "is, or would become, a whole number that a double cannot hold exactly"),
  corrupt: ({ subject }) =>
    new CorruptMessageError(`The value of ${JSON.stringify(subject)} is not what this library wrote.`),
} satisfies Readonly<Record<string, (about: About, ...details: unknown[]) => LangChainRedisError>>;

export type Refusal = keyof typeof errors;

export function refusalOf(refusal: Refusal, about: About, details: readonly unknown[]): LangChainRedisError {
  const make: (about: About, ...values: unknown[]) => LangChainRedisError = errors[refusal];
  return make(about, ...details);
}

/** The reasons why a session is not live: the replies of the Lua fragment `state`, except "live". */
export const notLive = ["unknown", "ended", "evicted", "expired"] as const satisfies readonly Refusal[];

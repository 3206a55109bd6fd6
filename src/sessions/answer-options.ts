import { randomUUID } from "node:crypto";
import { type BaseMessage, coerceMessageLikeToMessage, HumanMessage, isBaseMessage } from "@langchain/core/messages";
import * as z from "../options/schema.js";
import { eventIdSchema } from "../answers/event-ids.js";
import { InvalidOptionError } from "../errors.js";
import { copied } from "../messages/copied.js";
import { type Duration, durationSchema } from "../options/duration.js";
import { countSchema, idSchema, validate } from "../options/validation.js";
import { positionSchema } from "./positions.js";
import { once } from "../options/once.js";

/** Options of {@link Answers.begin}. */
export interface BeginAnswer {
  /**
   * Names the turn, for example with the `Idempotency-Key` of the request. If you repeat the request with the same id, the
   * new run replaces the messages that its failed runs left.
   */
  operationId: string;
  /** What the user says: a string, a message, or messages. Leave it out to go on with a turn that waits for a person. */
  input?: string | BaseMessage | readonly BaseMessage[] | undefined;
  /**
   * The position of a user's message. The turn replaces that message and all messages behind it, in the script that stores
   * the turn.
   * @default none: the turn is appended
   */
  replaces?: string | undefined;
  /**
   * With `true`, a running turn is stopped and its output so far is kept. The answer follows it. With `false`, a running turn
   * makes `begin` throw a ConversationBusyError. A running turn with the same `operationId` is never stopped.
   * @default false
   */
  supersede?: boolean | undefined;
  /**
   * The time after which an answer without a sign of life counts as interrupted. At most a day. The process renews it while
   * it lives.
   * @default "30s"
   */
  lease?: Duration | undefined;
  /**
   * With `supersede`, the time to wait for the other turn to stop. Then `begin` throws a ConversationBusyError. At most a day.
   * @default "60s"
   */
  waitFor?: Duration | undefined;
  /**
   * The time for which events are collected before they are logged together: milliseconds such as `"50ms"`, or a
   * {@link Duration}. At most a minute. The first event, and every 4 KiB of events, are logged at once.
   * @default "50ms"
   */
  window?: Duration | `${number}ms` | undefined;
  /**
   * The time for which the answer can be followed after its end. At most a day.
   * @default "2m"
   */
  ttl?: Duration | undefined;
  /**
   * The most bytes of events that are logged. Beyond it the log says `truncated`, and only the end is added.
   * @default 1048576 (1 MiB)
   */
  maxBytes?: number | undefined;
}

/** Options of {@link Answers.follow}. */
export interface FollowAnswer {
  /**
   * Follows only the answer of this turn.
   * @default the latest answer
   */
  operationId?: string | undefined;
  /**
   * The id of the last event that the follower has. The follower receives the events behind it.
   * @default from the first event
   */
  after?: string | undefined;
  /** Ends the following, without an error. */
  signal?: AbortSignal | undefined;
}

const windowSchema = once(() =>
  z.transform(
    z.custom<Duration | `${number}ms`>(() => true),
    (given, context) => {
      const [, milliseconds] = /^(\d{1,5})ms$/.exec(String(given)) ?? [];
      if (milliseconds !== undefined) return Number(milliseconds);
      const parsed = z.safeParse(durationSchema("1m"), given);
      if (!parsed.success) context.addIssue({ code: "custom", message: 'use a duration such as "50ms", at most "1m"' });
      return parsed.data ?? 0;
    },
  ),
);
const signalSchema = once(() =>
  z.optional(z.custom<AbortSignal>((value) => value instanceof AbortSignal, "use an AbortSignal")),
);

const beginSchema = once(() =>
  z.strictObject(
    {
      operationId: idSchema(),
      input: z.optional(z.unknown()),
      replaces: z.optional(positionSchema()),
      supersede: z._default(z.boolean("use true or false"), false),
      lease: z.prefault(durationSchema("1d"), "30s"),
      waitFor: z.prefault(durationSchema("1d"), "60s"),
      window: z.prefault(windowSchema(), "50ms"),
      ttl: z.prefault(durationSchema("1d"), "2m"),
      maxBytes: z._default(countSchema(), 1_048_576),
    },
    "pass an object with operationId and input",
  ),
);
const followSchema = once(() =>
  z.strictObject(
    { operationId: z.optional(idSchema()), after: z.optional(eventIdSchema()), signal: signalSchema() },
    "pass an object, such as { after }",
  ),
);
const stopSchema = once(() =>
  z.strictObject({ operationId: z.optional(idSchema()) }, "pass an object, such as { operationId }"),
);

/** The checked options of `begin`, with the input as messages. */
export type ParsedBegin = Omit<z.output<ReturnType<typeof beginSchema>>, "input"> & {
  readonly question: readonly BaseMessage[];
};

export function parseBegin(options: BeginAnswer): ParsedBegin {
  const { input, ...others } = validate(beginSchema(), "options", options);
  const question = input === undefined ? [] : questionOf(input);
  if (others.replaces !== undefined && question.length === 0) {
    throw new InvalidOptionError("input", "pass the user's new message, which replaces the old ones.");
  }
  return { ...others, question };
}

export function parseFollow(options: FollowAnswer): z.output<ReturnType<typeof followSchema>> {
  return validate(followSchema(), "options", options);
}

export function parseStop(options: { operationId?: string | undefined }): z.output<ReturnType<typeof stopSchema>> {
  return validate(stopSchema(), "options", options);
}

/** Returns the question as copies with ids. Turns and threads tell messages apart by their ids. */
function questionOf(input: unknown): readonly BaseMessage[] {
  const given: readonly unknown[] = Array.isArray(input) ? input : [input];
  if (given.length === 0) throw new InvalidOptionError("input", "pass at least one message, or leave it out.");
  return given.map((one) => {
    const message = typeof one === "string" ? new HumanMessage(one) : coerced(one);
    return copied(message, { id: message.id ?? randomUUID() });
  });
}

function coerced(one: unknown): BaseMessage {
  if (isBaseMessage(one)) return one;
  try {
    return coerceMessageLikeToMessage(one as string);
  } catch {
    throw new InvalidOptionError("input", "use a string, or messages of LangChain.");
  }
}

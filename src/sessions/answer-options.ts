import { randomUUID } from "node:crypto";
import { type BaseMessage, coerceMessageLikeToMessage, HumanMessage, isBaseMessage } from "@langchain/core/messages";
import { z } from "zod";
import { eventIdSchema } from "../answers/event-ids.js";
import { InvalidOptionError } from "../errors.js";
import { copied } from "../messages/copied.js";
import { type Duration, durationSchema } from "../options/duration.js";
import { countSchema, idSchema, validate } from "../options/validation.js";
import { positionSchema } from "./positions.js";
import { once } from "../options/once.js";

/** What {@link Answers.begin} takes. */
export interface BeginAnswer {
  /** Names the turn: a repeated request takes the place of what its own failed runs left. Such as an Idempotency-Key. */
  operationId: string;
  /** What the user says: a string, a message or messages. Without it, a turn goes on that waits for a person. */
  input?: string | BaseMessage | readonly BaseMessage[] | undefined;
  /** The position of a user's message. The turn takes the place of it and of all behind it, in the script that stores the turn. */
  replaces?: string | undefined;
  /**
   * Whether a turn that runs is stopped. What it has so far is kept, and the answer follows it. Without it, a turn that runs
   * makes this one fail with a ConversationBusyError. A run of the same operation id is never stopped by itself.
   * @default false
   */
  supersede?: boolean | undefined;
  /**
   * How long the answer counts as running without a sign of life. At most a day. It is renewed while the process lives.
   * @default "30s"
   */
  lease?: Duration | undefined;
  /**
   * With `supersede`, how long to wait until the other turn has stopped. Then it is a ConversationBusyError. At most a day.
   * @default "60s"
   */
  waitFor?: Duration | undefined;
  /**
   * How long events are collected before they are logged together, in milliseconds as `"50ms"` or as a {@link Duration}. The
   * first event, and 4 KiB of events, are logged at once.
   * @default "50ms"
   */
  window?: Duration | `${number}ms` | undefined;
  /**
   * How long the answer can be followed after its end.
   * @default "2m"
   */
  ttl?: Duration | undefined;
  /**
   * How many bytes of events are logged. Beyond that the log says `truncated`, and only the end is added.
   * @default 1048576 (1 MiB)
   */
  maxBytes?: number | undefined;
}

/** Which answer {@link Answers.follow} follows, and from where. */
export interface FollowAnswer {
  /** Follows the answer of this turn only. */
  operationId?: string | undefined;
  /** The id of the last event that the follower has: it gets what came behind that. */
  after?: string | undefined;
  /** Ends the following, without an error. */
  signal?: AbortSignal | undefined;
}

const windowSchema = once(() =>
  z
    .custom<Duration | `${number}ms`>(() => true)
    .transform((given, context) => {
      const [, milliseconds] = /^(\d{1,5})ms$/.exec(String(given)) ?? [];
      if (milliseconds !== undefined) return Number(milliseconds);
      const parsed = durationSchema("1m").safeParse(given);
      if (!parsed.success) context.addIssue({ code: "custom", message: 'use a duration such as "50ms", at most "1m"' });
      return parsed.data ?? 0;
    }),
);
const signalSchema = once(() =>
  z.custom<AbortSignal>((value) => value instanceof AbortSignal, "use an AbortSignal").optional(),
);

const beginSchema = once(() =>
  z.strictObject(
    {
      operationId: idSchema(),
      input: z.unknown().optional(),
      replaces: positionSchema().optional(),
      supersede: z.boolean("use true or false").default(false),
      lease: durationSchema("1d").prefault("30s"),
      waitFor: durationSchema("1d").prefault("60s"),
      window: windowSchema().prefault("50ms"),
      ttl: durationSchema("1d").prefault("2m"),
      maxBytes: countSchema().default(1_048_576),
    },
    "pass an object with operationId and input",
  ),
);
const followSchema = once(() =>
  z.strictObject(
    { operationId: idSchema().optional(), after: eventIdSchema().optional(), signal: signalSchema() },
    "pass an object, such as { after }",
  ),
);
const stopSchema = once(() =>
  z.strictObject({ operationId: idSchema().optional() }, "pass an object, such as { operationId }"),
);

/** What {@link parseBegin} returns. */
export type ParsedBegin = Omit<z.output<ReturnType<typeof beginSchema>>, "input"> & {
  readonly question: readonly BaseMessage[];
};

export function parseBegin(options: BeginAnswer): ParsedBegin {
  const { input, ...others } = validate(beginSchema(), "options", options);
  const question = input === undefined ? [] : questionOf(input);
  if (others.replaces !== undefined && question.length === 0) {
    throw new InvalidOptionError("input", "pass what the user says in place of the messages that are replaced.");
  }
  return { ...others, question };
}

export function parseFollow(options: FollowAnswer): z.output<ReturnType<typeof followSchema>> {
  return validate(followSchema(), "options", options);
}

export function parseStop(options: { operationId?: string | undefined }): z.output<ReturnType<typeof stopSchema>> {
  return validate(stopSchema(), "options", options);
}

/** Returns the question, each message as an object of its own, with an id: turns and threads tell messages apart by it. */
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

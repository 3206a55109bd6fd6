import type { BaseChatMessageHistory } from "@langchain/core/chat_history";
import { _coerceToRunnable, type Runnable, type RunnableConfig, type RunnableLike } from "@langchain/core/runnables";
import * as z from "../options/schema.js";
import { isAgent } from "../frameworks/langchain.js";
import { holds } from "../frameworks/langchain-core.js";
import { isGraph } from "../frameworks/langgraph.js";
import { wantsAlternation } from "../messages/alternating.js";
import type { AnyHistory } from "../turns/turn.js";
import { turnSettings, type TurnOptions, type TurnSettings, turnShape } from "../turns/turn-options.js";
import { InvalidOptionError } from "../errors.js";
import type { SessionStore } from "../sessions/store.js";
import { markedSchema, storeMark } from "../options/copies.js";
import { validate } from "../options/validation.js";
import type { MessageKeys } from "./messages.js";
import { once } from "../options/once.js";

/** The part of {@link RunnableWithSessionFields} that names chat histories. */
export interface WithHistories {
  /**
   * Returns the history of `configurable.sessionId`, the id of a conversation. Return a new object for each call, so that a
   * turn is refused if the conversation was cleared after the turn read it.
   */
  getMessageHistory: (sessionId: string) => AnyHistory | Promise<AnyHistory>;
  sessions?: undefined;
}

/** The part of {@link RunnableWithSessionFields} that names a session store. */
export interface WithSessions {
  /** The store of the session that each call passes as `configurable.session`. */
  sessions: SessionStore;
  getMessageHistory?: undefined;
}

/** A compiled graph of LangGraph: a Runnable whose stream yields other values than `invoke()` returns. */
export interface GraphLike<RunInput, RunOutput> {
  readonly lg_is_pregel: boolean;
  invoke(input: RunInput, options?: never): Promise<RunOutput>;
}

/** Options of {@link RunnableWithSession}: those of LangChain's `RunnableWithMessageHistory`, and those of a turn. */
export type RunnableWithSessionFields<
  RunInput,
  RunOutput,
  Answering = RunnableLike<RunInput, RunOutput>,
> = TurnOptions &
  (WithHistories | WithSessions) & {
    /** The runnable that answers. It receives the history along with the input. */
    runnable: Answering;
    /**
     * The property of an input object that contains the user's messages.
     * @default the only property of the input, or `"input"`
     */
    inputMessagesKey?: string | undefined;
    /**
     * The property of an output object that contains the answer.
     * @default the only property of the output, or `"output"`
     */
    outputMessagesKey?: string | undefined;
    /**
     * The property of the input in which the runnable receives the history: the name of a `MessagesPlaceholder`.
     * @default none: the history is put in front of the messages of the input
     */
    historyMessagesKey?: string | undefined;
    /** A config for every call, for example with callbacks. The config of a call takes precedence. */
    config?: RunnableConfig | undefined;
  };

/** The checked options of a RunnableWithSession. */
export interface RunnableSettings<RunInput, RunOutput> extends MessageKeys {
  readonly runnable: Runnable<RunInput, RunOutput>;
  readonly getMessageHistory: ((sessionId: string) => AnyHistory | Promise<AnyHistory>) | undefined;
  readonly sessions: SessionStore | undefined;
  readonly config: RunnableConfig | undefined;
  readonly turn: TurnSettings;
  /** True if the runnable is a graph of LangGraph, or contains one. */
  readonly holdsGraph: boolean;
  /** True if its model needs an answer in front of each question. */
  readonly wantsAlternation: boolean;
}

const keySchema = once(() => z.optional(z.check(z.string("use a string"), z.minLength(1, "use a name"))));
const fieldsSchema = once(() =>
  z.strictObject(
    {
      ...turnShape(),
      // toRunnable checks it, as LangChain does.
      runnable: z.optional(z.unknown()),
      getMessageHistory: z.optional(
        z.custom<(sessionId: string) => BaseChatMessageHistory>(
          (value) => typeof value === "function",
          "use a function",
        ),
      ),
      sessions: z.optional(markedSchema<SessionStore>(storeMark, "pass a SessionStore")),
      inputMessagesKey: keySchema(),
      outputMessagesKey: keySchema(),
      historyMessagesKey: keySchema(),
      config: z.optional(
        z.custom<RunnableConfig>((value) => typeof value === "object" && value !== null, "use a config of LangChain"),
      ),
    },
    "pass an object with runnable, and getMessageHistory or sessions",
  ),
);

/** @throws InvalidOptionError if a field is missing, unknown or invalid. */
export function parseFields<RunInput, RunOutput>(
  fields: RunnableWithSessionFields<RunInput, RunOutput>,
): RunnableSettings<RunInput, RunOutput> {
  const parsed = validate(fieldsSchema(), "fields", fields);
  const { getMessageHistory, sessions } = parsed;
  if ((getMessageHistory === undefined) === (sessions === undefined)) {
    throw new InvalidOptionError("getMessageHistory", "pass either getMessageHistory or sessions.");
  }
  const runnable = toRunnable(fields.runnable);
  return {
    runnable,
    holdsGraph: holds(runnable, isGraph),
    wantsAlternation: wantsAlternation(runnable),
    getMessageHistory,
    sessions,
    inputMessagesKey: parsed.inputMessagesKey,
    outputMessagesKey: parsed.outputMessagesKey,
    historyMessagesKey: parsed.historyMessagesKey,
    config: parsed.config,
    turn: turnSettings(parsed),
  };
}

function toRunnable<RunInput, RunOutput>(runnable: RunnableLike<RunInput, RunOutput>): Runnable<RunInput, RunOutput> {
  if (isAgent(runnable)) {
    throw new InvalidOptionError("runnable", "this is an agent: give it sessionMiddleware, or pass agent.graph.");
  }
  try {
    return _coerceToRunnable(runnable) as Runnable<RunInput, RunOutput>;
  } catch {
    throw new InvalidOptionError("runnable", "pass a Runnable of LangChain, or a function.");
  }
}

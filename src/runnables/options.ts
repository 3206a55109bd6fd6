import type { BaseChatMessageHistory } from "@langchain/core/chat_history";
import { _coerceToRunnable, type Runnable, type RunnableConfig, type RunnableLike } from "@langchain/core/runnables";
import { z } from "zod";
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

interface WithHistories {
  /** The history of `configurable.sessionId`: a new object for each call is best, so that each turn is fenced. */
  getMessageHistory: (sessionId: string) => AnyHistory | Promise<AnyHistory>;
  sessions?: undefined;
}

interface WithSessions {
  /** Keeps the conversation of `configurable.session`. */
  sessions: SessionStore;
  getMessageHistory?: undefined;
}

/** A compiled graph of LangGraph. It is a Runnable, but its stream yields something else than `invoke()` returns. */
export interface GraphLike<RunInput, RunOutput> {
  readonly lg_is_pregel: boolean;
  invoke(input: RunInput, options?: never): Promise<RunOutput>;
}

/** Options of {@link RunnableWithSession}: those of LangChain's `RunnableWithMessageHistory`, and what a turn needs. */
export type RunnableWithSessionFields<
  RunInput,
  RunOutput,
  Answering = RunnableLike<RunInput, RunOutput>,
> = TurnOptions &
  (WithHistories | WithSessions) & {
    /** What answers. It is given the history along with the input. */
    runnable: Answering;
    /** Where an input object holds what the user says; absent, in its only name, or in `input`. */
    inputMessagesKey?: string | undefined;
    /** Where an output object holds the answer; absent, in its only name, or in `output`. */
    outputMessagesKey?: string | undefined;
    /**
     * Under which name the runnable is given the history: that of a `MessagesPlaceholder`. Absent, the history stands
     * in front of the messages of the input.
     */
    historyMessagesKey?: string | undefined;
    /** What each call is made with, beneath what is passed with it: callbacks, say. */
    config?: RunnableConfig | undefined;
  };

export interface RunnableSettings<RunInput, RunOutput> extends MessageKeys {
  readonly runnable: Runnable<RunInput, RunOutput>;
  readonly getMessageHistory: ((sessionId: string) => AnyHistory | Promise<AnyHistory>) | undefined;
  readonly sessions: SessionStore | undefined;
  readonly config: RunnableConfig | undefined;
  readonly turn: TurnSettings;
  /** Whether what runs is a graph of LangGraph, or has one inside. */
  readonly holdsGraph: boolean;
  /** Whether its model wants an answer in front of each question. */
  readonly wantsAlternation: boolean;
}

const keySchema = z.string("use a string").min(1, "use a name").optional();
const fieldsSchema = z.strictObject(
  {
    ...turnShape,
    // Looked at by toRunnable, as LangChain does.
    runnable: z.unknown().optional(),
    getMessageHistory: z
      .custom<(sessionId: string) => BaseChatMessageHistory>((value) => typeof value === "function", "use a function")
      .optional(),
    sessions: markedSchema<SessionStore>(storeMark, "pass a SessionStore").optional(),
    inputMessagesKey: keySchema,
    outputMessagesKey: keySchema,
    historyMessagesKey: keySchema,
    config: z
      .custom<RunnableConfig>((value) => typeof value === "object" && value !== null, "use a config of LangChain")
      .optional(),
  },
  "pass an object with runnable, and getMessageHistory or sessions",
);

export function parseFields<RunInput, RunOutput>(
  fields: RunnableWithSessionFields<RunInput, RunOutput>,
): RunnableSettings<RunInput, RunOutput> {
  const parsed = validate(fieldsSchema, "fields", fields);
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

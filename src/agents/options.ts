import * as z from "../options/schema.js";
import type { Answer } from "../answers/answer.js";
import { givenAnswer } from "../turns/given-answer.js";
import { turnSettings, type TurnOptions, type TurnSettings, turnShape } from "../turns/turn-options.js";
import { InvalidOptionError } from "../errors.js";
import type { Session } from "../sessions/session.js";
import type { SessionStore } from "../sessions/store.js";
import { markedSchema, storeMark } from "../options/copies.js";
import { idSchema, validate } from "../options/validation.js";
import { once } from "../options/once.js";

/** Options of {@link sessionMiddleware}. */
export interface SessionMiddlewareOptions extends TurnOptions {
  /** The store of the session that each call passes as `context.session`. */
  sessions: SessionStore;
  /**
   * The time at which messages are stored. `"turn"` stores them together when the agent has answered. `"step"` stores the
   * user's message at once, and each model answer with its tool results as soon as they exist. A long run that crashes then
   * keeps its finished steps, and can be continued.
   * @default "turn"
   */
  persist?: "turn" | "step" | undefined;
}

/** The checked options of the middleware. */
export interface MiddlewareSettings {
  readonly sessions: SessionStore;
  readonly persist: "turn" | "step";
  readonly turn: TurnSettings;
}

/** The `context` that each call of the agent passes. */
export interface SessionContext {
  readonly session: Session;
  readonly operationId?: string | undefined;
  readonly replaces?: string | undefined;
  /** The answer in flight that the turn continues and ends. */
  readonly answer?: Answer | undefined;
}

const optionsSchema = once(() =>
  z.strictObject(
    {
      ...turnShape(),
      sessions: markedSchema<SessionStore>(storeMark, "pass a SessionStore"),
      persist: z._default(z.enum(["turn", "step"], 'use "turn" or "step"'), "turn"),
    },
    "pass an object with sessions",
  ),
);

/** @throws InvalidOptionError if an option is missing, unknown or invalid. */
export function parseMiddlewareOptions(options: SessionMiddlewareOptions): MiddlewareSettings {
  const parsed = validate(optionsSchema(), "options", options);
  return { sessions: parsed.sessions, persist: parsed.persist, turn: turnSettings(parsed) };
}

const operationIdSchema = once(() => z.optional(idSchema()));

/** @throws InvalidOptionError if there is no session. The store checks the session itself. */
export function parseContext(context: Partial<SessionContext> | undefined): SessionContext {
  const session = context?.session;
  if (typeof session !== "object" || session === null) {
    throw new InvalidOptionError(
      "context.session",
      "pass the session with the call, as in agent.invoke({ messages }, { context: { session } }).",
    );
  }
  return {
    session,
    operationId: validate(operationIdSchema(), "context.operationId", context?.operationId),
    replaces: context?.replaces, // The history checks it.
    answer: givenAnswer("context", context ?? {}),
  };
}

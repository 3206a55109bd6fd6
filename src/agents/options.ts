import { z } from "zod";
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
  /** Keeps the conversation of the session that each call passes as `context.session`. */
  sessions: SessionStore;
  /**
   * When messages are stored. `"turn"` stores them all together when the agent has answered. `"step"` stores the user's
   * message at once, and each model answer with its tool results as soon as they are there. A long run that crashes then
   * keeps what it finished, and can be continued.
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

/** What each call of the agent passes as `context`. */
export interface SessionContext {
  readonly session: Session;
  readonly operationId?: string | undefined;
  readonly replaces?: string | undefined;
  /** The answer in flight that the turn goes on with. */
  readonly answer?: Answer | undefined;
}

const optionsSchema = once(() =>
  z.strictObject(
    {
      ...turnShape(),
      sessions: markedSchema<SessionStore>(storeMark, "pass a SessionStore"),
      persist: z.enum(["turn", "step"], 'use "turn" or "step"').default("turn"),
    },
    "pass an object with sessions",
  ),
);

/** @throws InvalidOptionError when an option is missing, unknown or of the wrong form. */
export function parseMiddlewareOptions(options: SessionMiddlewareOptions): MiddlewareSettings {
  const parsed = validate(optionsSchema(), "options", options);
  return { sessions: parsed.sessions, persist: parsed.persist, turn: turnSettings(parsed) };
}

const operationIdSchema = once(() => idSchema().optional());

/** @throws InvalidOptionError when there is no session. The store checks the session itself. */
export function parseContext(context: Partial<SessionContext> | undefined): SessionContext {
  const session = context?.session;
  if (typeof session !== "object" || session === null) {
    throw new InvalidOptionError(
      "context.session",
      "pass it with the call, as in agent.invoke({ messages }, { context: { session } }).",
    );
  }
  return {
    session,
    operationId: validate(operationIdSchema(), "context.operationId", context?.operationId),
    replaces: context?.replaces, // The history checks it.
    answer: givenAnswer("context", context ?? {}),
  };
}

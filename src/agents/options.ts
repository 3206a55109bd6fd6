import { z } from "zod";
import { turnSettings, type TurnOptions, type TurnSettings, turnShape } from "../turns/turn-options.js";
import { InvalidOptionError } from "../errors.js";
import type { Session } from "../sessions/schema.js";
import type { SessionStore } from "../sessions/store.js";
import { markedSchema, storeMark } from "../options/copies.js";
import { idSchema, validate } from "../options/validation.js";

/** Options of {@link sessionMiddleware}. */
export interface SessionMiddlewareOptions extends TurnOptions {
  /** Keeps the conversation of the session that each call passes as `context.session`. */
  sessions: SessionStore;
  /**
   * When messages are stored: `"turn"`, all together when the agent has answered; `"step"`, the user's message at once
   * and each model answer with its tool results as soon as they are there, so that a long run that crashes keeps what
   * it finished and can be continued.
   * @default "turn"
   */
  persist?: "turn" | "step" | undefined;
}

export interface MiddlewareSettings {
  readonly sessions: SessionStore;
  readonly persist: "turn" | "step";
  readonly turn: TurnSettings;
}

/** What `context` holds, with each call of the agent. */
export interface SessionContext {
  readonly session: Session;
  readonly operationId?: string | undefined;
}

const optionsSchema = z.strictObject(
  {
    ...turnShape,
    sessions: markedSchema<SessionStore>(storeMark, "pass a SessionStore"),
    persist: z.enum(["turn", "step"], 'use "turn" or "step"').default("turn"),
  },
  "pass an object with sessions",
);

export function parseMiddlewareOptions(options: SessionMiddlewareOptions): MiddlewareSettings {
  const parsed = validate(optionsSchema, "options", options);
  return { sessions: parsed.sessions, persist: parsed.persist, turn: turnSettings(parsed) };
}

const operationIdSchema = idSchema.optional();

/** @throws InvalidOptionError; what is wrong with the session itself, the store says. */
export function parseContext(context: Partial<SessionContext> | undefined): SessionContext {
  const session = context?.session;
  if (typeof session !== "object" || session === null) {
    throw new InvalidOptionError(
      "context.session",
      "pass it with the call, as in agent.invoke({ messages }, { context: { session } }).",
    );
  }
  return { session, operationId: validate(operationIdSchema, "context.operationId", context?.operationId) };
}

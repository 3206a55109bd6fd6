import * as z from "../options/schema.js";
import { boundSaverShape, type SaverOptions, saverSettings, type SaverSettings } from "../checkpoints/options.js";
import { markedSchema, storeMark } from "../options/copies.js";
import { validate } from "../options/validation.js";
import type { SessionStore } from "../sessions/store.js";
import { once } from "../options/once.js";

/** Options of {@link SessionSaver}. */
export interface SessionSaverOptions extends SaverOptions {
  /** The store whose sessions run the graph. A thread lives as long as its conversation (`conversationTtl`). */
  sessions: SessionStore;
}

export interface SessionSaverSettings extends SaverSettings {
  readonly sessions: SessionStore;
}

const sessionSaverSchema = once(() =>
  z.strictObject(
    { ...boundSaverShape(), sessions: markedSchema<SessionStore>(storeMark, "pass a SessionStore") },
    "pass an object with at least sessions",
  ),
);

/** @throws InvalidOptionError when an option is missing, unknown or of the wrong form. */
export function parseSessionSaverOptions(options: SessionSaverOptions): SessionSaverSettings {
  const parsed = validate(sessionSaverSchema(), "options", options);
  return { ...saverSettings(parsed), sessions: parsed.sessions };
}

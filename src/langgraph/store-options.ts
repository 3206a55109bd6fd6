import { ItemSpace } from "../items/item-space.js";
import type { ItemOptions, StandaloneItemOptions } from "../items/options.js";
import { standaloneItems } from "../items/place.js";
import { markedSchema, storeMark } from "../options/copies.js";
import { validate } from "../options/validation.js";
import type { Session } from "../sessions/session.js";
import type { SessionStore } from "../sessions/store.js";

/** Options of a {@link RedisStore} that is not bound to a session. */
export type RedisStoreOptions = StandaloneItemOptions;

/** Options of a {@link RedisStore} that is bound to a session. */
export interface SessionStoreItemsOptions extends ItemOptions {
  /** The store that keeps the session. RedisStore uses its client, `keyPrefix`, `deadline` and `wait`. */
  sessions: SessionStore;
  /** The session on whose behalf items are read and written. */
  session: Session;
}

const sessionsSchema = markedSchema<SessionStore>(storeMark, "pass a SessionStore");

/** @throws InvalidOptionError when an option is missing, unknown or of the wrong form. */
export function itemSpaceOf(options: RedisStoreOptions | SessionStoreItemsOptions): ItemSpace {
  if (isBound(options)) {
    const { sessions, session, ...items } = options;
    return validate(sessionsSchema, "sessions", sessions).items(session, items);
  }
  return new ItemSpace(standaloneItems(options));
}

function isBound(options: RedisStoreOptions | SessionStoreItemsOptions): options is SessionStoreItemsOptions {
  return typeof options === "object" && options !== null && ("sessions" in options || "session" in options);
}

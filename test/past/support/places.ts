import { type Session, SessionStore, RedisChatMessageHistory } from "langchain-redis-sessions";
import { historyKeys, ownerKeys, ownerTag } from "../../../src/redis/keys.js";
import { storedKeys } from "../../sessions/support/stored-keys.js";
import type { Client } from "../../support/topologies.js";
import { freshId } from "../../support/turns.js";
import { PastModel } from "./past-model.js";

export interface PlaceOptions {
  readonly keyPrefix: string;
  /** 0 for no cap. */
  readonly maxMessages: number;
}

/** A conversation in Redis, and the model of it. */
export interface Place {
  readonly model: PastModel;
  /** A history object of its own, as each turn has one. */
  readonly history: () => RedisChatMessageHistory;
  readonly keys: { readonly messages: string; readonly notes: string };
  /** Forgets the operation ids, as time does. */
  readonly forget: () => Promise<void>;
  /** Where it is a conversation of sessions. */
  readonly ofSession?: { readonly store: SessionStore; readonly session: Session };
}

async function forget(client: Client, pattern: string, model: PastModel): Promise<void> {
  for (const key of await storedKeys(client, pattern)) await client.del(key);
  model.recorded.clear();
}

/** A history under an id that the caller chose. */
export function ofAHistory(client: Client, { keyPrefix, maxMessages }: PlaceOptions): Place {
  const sessionId = freshId();
  const model = new PastModel(new Set(), maxMessages);
  const { messages, meta } = historyKeys(keyPrefix, sessionId);
  return {
    model,
    history: () => new RedisChatMessageHistory({ client, keyPrefix, sessionId, maxMessages: maxMessages || undefined }),
    keys: { messages, notes: meta },
    forget: () => forget(client, `${keyPrefix}:*:operation:*`, model),
  };
}

/** A conversation of a new session, of a user of its own. */
export async function ofASession(client: Client, options: PlaceOptions): Promise<Place> {
  const { keyPrefix, maxMessages } = options;
  const store = new SessionStore({ client, keyPrefix, maxMessages: maxMessages || undefined });
  const { session } = await store.create({ userId: freshId(), agentId: "support" });
  return placeOf(client, options, { store, session, model: new PastModel(new Set(), maxMessages) });
}

/** Returns the place of a fork, which a session of the same user goes on with. */
export async function ofAFork(
  client: Client,
  options: PlaceOptions,
  { store, session }: NonNullable<Place["ofSession"]>,
  fork: { readonly id: string; readonly model: PastModel },
): Promise<Place> {
  const { userId, agentId } = session;
  const next = await store.create({ userId, agentId, conversationId: fork.id });
  return placeOf(client, options, { store, session: next.session, model: fork.model });
}

function placeOf(
  client: Client,
  { keyPrefix }: PlaceOptions,
  { store, session, model }: { store: SessionStore; session: Session; model: PastModel },
): Place {
  const keys = ownerKeys(keyPrefix, ownerTag(session.userId, undefined));
  return {
    model,
    history: () => store.history(session),
    keys: { messages: keys.messages(session.conversationId), notes: keys.conversation(session.conversationId) },
    forget: () => forget(client, `${keyPrefix}:*:operation:*`, model),
    ofSession: { store, session },
  };
}

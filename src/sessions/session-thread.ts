import { Thread, type ThreadSettings } from "../checkpoints/thread.js";
import type { OwnerKeys } from "../redis/keys.js";
import { connectionOfOwner } from "./owner-keys.js";
import type { SessionRef, SessionSettings } from "./options.js";

/**
 * Returns the thread of a session's conversation. It is in the user's slot, and the same for all sessions on that
 * conversation. Its scripts first check that this session is live.
 */
export function sessionThread(
  store: SessionSettings,
  keys: OwnerKeys,
  session: SessionRef,
  settings: ThreadSettings,
): Thread {
  const { id: sessionId, conversationId } = session;
  return new Thread(
    {
      id: conversationId,
      connection: connectionOfOwner(store, keys, session),
      keys: { ...keys.thread(conversationId), dataKey: keys.dataKey },
      ttlMilliseconds: store.conversationMilliseconds,
      refreshOnRead: false,
      holder: {
        keys: {
          record: keys.session(sessionId),
          sessions: keys.sessions,
          conversation: keys.conversation(conversationId),
          messages: keys.messages(conversationId),
          threads: keys.threads,
          conversations: keys.conversations,
          lease: keys.turns(conversationId).lease,
        },
        operation: keys.operation,
        sessionId,
        conversationId,
      },
    },
    settings,
  );
}

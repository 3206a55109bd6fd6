import { SessionNotFoundError, type SessionStore } from "langchain-redis-sessions";
import { RedisStore } from "langchain-redis-sessions/langgraph";
import { portOf } from "../../../src/redis/client.js";
import { ownerKeys, ownerTag } from "../../../src/redis/keys.js";
import { freshId, turn } from "../../support/turns.js";
import type { WriteOperation } from "./write-operation.js";

// As many as one step removes, and older than any real one: the conversation itself is left for a second step.
const addOlderConversations = `for n = 1, 200 do redis.call("ZADD", KEYS[1], 0, "older-" .. n) end`;
const countKeys = `return redis.call("EXISTS", unpack(KEYS))`;

/**
 * Erases a user in two steps. There is no operation id, and nothing that could happen twice: what counts is that nothing
 * is left but a mark of the conversation, and that nothing of it comes back.
 */
export const erasure: WriteOperation = {
  name: "sessions.eraseUser",
  kind: "erasure",
  prepare: async ({ sessions, client }) => {
    const redis = portOf(client);
    const owner = { userId: freshId() };
    const { session } = await sessions.create({ ...owner, agentId: "support" });
    await sessions.history(session).addMessages(turn("first"));
    await sessions.memory(session).set("x", "first", { ttl: "1h" });
    await new RedisStore({ sessions, session }).put(["notes"], "x", { text: "first" });
    const keys = ownerKeys("chat", ownerTag(owner.userId, undefined));
    await redis.eval(addOlderConversations, 1, [keys.conversations]);
    const { values, deadlines, usage, writes } = keys.memory("support");
    const indexes = [keys.sessions, keys.conversations, keys.memories, keys.items];
    const erased = ["sessions", "conversations", "memories", "items"].map((name) => `${keys.base}:erased-${name}`);
    const ofMemory = [values, deadlines, usage, writes];
    const { items, order, namespaces } = keys.itemPartition("notes");
    const own = [
      keys.session(session.id),
      keys.messages(session.conversationId),
      ...ofMemory,
      items,
      order,
      namespaces,
    ];
    const all = [...indexes, ...erased, ...own];
    let comesBack = false;
    return {
      trace: () => ({ key: keys.sessions, exists: 0 }),
      act: (library) => library.sessions.eraseUser(owner),
      // What was removed by a step whose reply was lost is missing in the sum. The server cannot tell: the first step,
      // sent again, does the work of the second.
      resent: (result) => {
        const { sessions: ended, conversations, memories } = result as Awaited<ReturnType<SessionStore["eraseUser"]>>;
        return Math.min(ended, conversations, memories) === 0;
      },
      // A turn that was in flight when the user was erased.
      between: async () => {
        const late = sessions.history(session).addMessages(turn("late"));
        comesBack = await late.then(
          () => true,
          (error: unknown) => !(error instanceof SessionNotFoundError),
        );
      },
      once: async () => {
        const left = await redis.eval(countKeys, all.length, all);
        const mark = await redis.call(["hkeys", keys.conversation(session.conversationId)]);
        return !comesBack && left === 0 && String(mark) === "generation";
      },
    };
  },
};

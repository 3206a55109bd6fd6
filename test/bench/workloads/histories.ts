import { RedisChatMessageHistory as CommunityHistory } from "@langchain/community/stores/message/ioredis";
import { type BaseListChatMessageHistory, InMemoryChatMessageHistory } from "@langchain/core/chat_history";
import { RedisChatMessageHistory as RedisPackageHistory } from "@langchain/redis";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import type { Clients } from "../network/clients.js";
import { COMMUNITY, IN_MEMORY, OURS, REDIS_PACKAGE } from "./names.js";

/** An hour: long enough for a run, and every candidate has to set it. */
export const TTL_SECONDS = 3_600;

export type OpenHistory = (sessionId: string) => BaseListChatMessageHistory;

/** The chat histories that are compared. Each opens a new object a call, as a program does for each turn. */
export function histories({ ioredis, langchainRedis }: Clients): Readonly<Record<string, OpenHistory>> {
  const kept = new Map<string, InMemoryChatMessageHistory>();
  return {
    [OURS]: (sessionId) => new RedisChatMessageHistory({ client: ioredis, sessionId, ttl: TTL_SECONDS }),
    [COMMUNITY]: (sessionId) => new CommunityHistory({ client: ioredis, sessionId, sessionTTL: TTL_SECONDS }),
    [REDIS_PACKAGE]: (sessionId) =>
      new RedisPackageHistory({ client: langchainRedis, sessionId, sessionTTL: TTL_SECONDS }),
    [IN_MEMORY]: (sessionId) => {
      let history = kept.get(sessionId);
      if (history === undefined) {
        // One for each session and hardly more: what is kept here has to be walked whenever garbage is collected, in
        // the time of whoever runs then.
        if (kept.size > 300) kept.clear();
        kept.set(sessionId, (history = new InMemoryChatMessageHistory()));
      }
      return history;
    },
  };
}

/** Where this library keeps the messages of a conversation. */
export function messagesKey(sessionId: string): string {
  return `chat:history:{${sessionId}}:messages`;
}

/** Names a new conversation every so many turns, for each concurrent session. */
export function conversationNames(prefix: string, turns: number): (session: number) => string {
  const taken: number[] = [];
  return (session) => {
    const turn = (taken[session] ?? -1) + 1;
    taken[session] = turn;
    return `${prefix}-${session}-${Math.floor(turn / turns)}`;
  };
}

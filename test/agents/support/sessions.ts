import type { BaseMessage } from "@langchain/core/messages";
import { afterAll, beforeEach } from "vitest";
import { type Session, SessionStore } from "langchain-redis-sessions";
import { type Client, onOneRedis } from "../../support/topologies.js";
import { freshId } from "../../support/turns.js";

// For each test of a file that imports this: a session of its own, in a store that lasts as long as the file.

export const client: Client = onOneRedis.connect();
export const sessions: SessionStore = new SessionStore({ client });
export let session: Session;

beforeEach(async () => {
  ({ session } = await sessions.create({ userId: freshId(), agentId: "assistant" }));
});
afterAll(async () => {
  await sessions.close();
  await client.quit();
});

export const stored = (): Promise<BaseMessage[]> => sessions.history(session).getMessages();
export const types = (messages: readonly BaseMessage[]): string[] => messages.map(({ type }) => type);

import type { BaseMessage } from "@langchain/core/messages";
import { beforeEach } from "vitest";
import type { Session } from "langchain-redis-sessions";
import { sessions } from "../../support/session-store.js";
import { freshId } from "../../support/turns.js";

// For each test of a file that imports this: a session of its own, in the file's store.

export { client, sessions } from "../../support/session-store.js";
export let session: Session;

beforeEach(async () => {
  ({ session } = await sessions.create({ userId: freshId(), agentId: "assistant" }));
});

export const stored = (): Promise<BaseMessage[]> => sessions.history(session).getMessages();
export const types = (messages: readonly BaseMessage[]): string[] => messages.map(({ type }) => type);

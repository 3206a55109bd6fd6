import { setTimeout as pause } from "node:timers/promises";
import {
  NotReplicatedError,
  RedisChatMessageHistory,
  type RedisChatMessageHistoryOptions,
  LangChainRedisError,
  StoreUnavailableError,
} from "langchain-redis-sessions";
import { freshId, turn } from "../../support/turns.js";
import type { TurnHistory } from "./turn-history.js";

export interface WriterOptions {
  readonly options: Omit<RedisChatMessageHistoryOptions, "sessionId">;
  readonly conversation: string;
  readonly history: TurnHistory;
  /** How often a write whose outcome is unknown is repeated; 0: it stays unknown. */
  readonly repetitions: number;
}

/** Appends one turn, as docs/errors.md says: a write whose outcome is unknown is repeated with its operation id. */
export async function appendOnce(
  text: string,
  writer: WriterOptions,
): Promise<"acknowledged" | "indeterminate" | "refused"> {
  const { options, conversation, history, repetitions } = writer;
  const settle = history.issue(conversation, text);
  const operationId = freshId();
  const log = new RedisChatMessageHistory({ ...options, sessionId: conversation });
  for (let attempt = 0; ; attempt++) {
    try {
      await log.addMessages(turn(text), { operationId });
      settle("acknowledged");
      return "acknowledged";
    } catch (error) {
      if (!(error instanceof LangChainRedisError)) throw error;
      const unknown =
        error instanceof NotReplicatedError || (error instanceof StoreUnavailableError && error.indeterminate);
      if (attempt < repetitions) {
        await pause(5);
        continue;
      }
      // An attempt before may have taken effect, whatever this one says.
      const outcome = unknown || attempt > 0 ? "indeterminate" : "refused";
      settle(outcome);
      return outcome;
    }
  }
}

/** As a program would that knows nothing better: RPUSH, and again when that fails. */
export async function pushNaively(
  client: { rpush: (key: string, ...values: string[]) => Promise<unknown> },
  key: string,
  text: string,
  repetitions: number,
): Promise<boolean> {
  for (let attempt = 0; attempt <= repetitions; attempt++) {
    try {
      await client.rpush(key, text);
      return true;
    } catch {
      await pause(5);
    }
  }
  return false;
}

/** Writers that go on, each in a conversation of its own, until they are stopped. */
export function startWriters(
  count: number,
  append: (conversation: string, text: string) => Promise<unknown>,
): { readonly conversations: readonly string[]; readonly stop: () => Promise<void> } {
  const stopped = new AbortController();
  const conversations = Array.from({ length: count }, freshId);
  const writing = conversations.map(async (conversation) => {
    for (let number = 0; !stopped.signal.aborted; number++) {
      await append(conversation, `${conversation}/${number}`);
      // Other writers, and whoever stops them, want their turn too.
      await new Promise(setImmediate);
    }
  });
  return {
    conversations,
    stop: async () => {
      stopped.abort();
      await Promise.all(writing);
    },
  };
}

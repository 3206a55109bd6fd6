import { setTimeout as pause } from "node:timers/promises";
import {
  NotReplicatedError,
  type RedisChatMessageHistoryOptions,
  LangChainRedisError,
  StoreUnavailableError,
} from "langchain-redis-sessions";
import { freshId } from "../../support/turns.js";
import type { TurnHistory } from "./turn-history.js";
import { histories, type TurnLog } from "./turn-places.js";

interface Writing {
  readonly conversation: string;
  readonly history: TurnHistory;
  /** How often a write whose outcome is unknown is repeated; 0: it stays unknown. */
  readonly repetitions: number;
}

export interface WriterOptions extends Writing {
  readonly options: Omit<RedisChatMessageHistoryOptions, "sessionId">;
}

type Outcome = "acknowledged" | "indeterminate" | "refused";

/** Appends one turn to a history. */
export function appendOnce(text: string, { options, ...writing }: WriterOptions): Promise<Outcome> {
  return storeOnce(text, { ...writing, log: histories.open(options) });
}

/** Stores one turn, as docs/errors.md says: a write whose outcome is unknown is repeated with its operation id. */
export async function storeOnce(
  text: string,
  { log, conversation, history, repetitions }: Writing & { readonly log: TurnLog },
): Promise<Outcome> {
  const settle = history.issue(conversation, text);
  const operationId = freshId();
  for (let attempt = 0; ; attempt++) {
    try {
      await log.append(conversation, text, operationId);
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

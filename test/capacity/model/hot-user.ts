import type { Assumptions } from "./assumptions.js";
import type { Measured } from "./capacity.js";
import { averageConversation } from "./conversations.js";
import { at } from "./parameters.js";
import { costOfTurn, type TurnCost } from "./turn.js";

/** What one user can have at the most: all of it is in one slot, and so on one shard. */
export interface LargestUser {
  /** When the shard holds nothing else. */
  readonly conversations: number;
  readonly turnsPerSecond: number;
}

export function largestUser(measured: Measured, assumptions: Assumptions): LargestUser {
  const { parameters, world } = measured;
  const { messages, messagesRead, messagesPerTurn, bytesPerTurn } = averageConversation(world, assumptions);
  const { kinds, untoldPerKey } = parameters.memory;
  // Two keys and an entry in the user's index, and the buckets of a table that has just doubled.
  const perConversation =
    kinds.conversation.base +
    at(kinds.messages, messages, (messages * bytesPerTurn) / messagesPerTurn) +
    kinds["conversations of a user"].perItem +
    2 * (untoldPerKey + 2 * 16);
  return {
    conversations:
      (assumptions.shardGiB * 2 ** 30 * assumptions.usableMemory) / measured.fragmentation / perConversation,
    turnsPerSecond: turnInConversation(messagesRead, measured, assumptions).turnsPerSecond,
  };
}

export interface TurnInConversation extends TurnCost {
  readonly turnsPerSecond: number;
}

/** What a turn of a conversation that has so many messages costs, and how many of them a shard does in a second. */
export function turnInConversation(messages: number, measured: Measured, assumptions: Assumptions): TurnInConversation {
  const { messagesPerTurn, bytesPerTurn } = averageConversation(measured.world, assumptions);
  const read = Math.min(messages, assumptions.window);
  const cost = costOfTurn(
    {
      readMessages: read,
      readBytes: (read * bytesPerTurn) / messagesPerTurn,
      appendedMessages: messagesPerTurn,
      appendedBytes: bytesPerTurn,
    },
    measured.parameters,
  );
  const cpuMicroseconds = cost.cpuMicroseconds * measured.cpuFactor;
  return { ...cost, cpuMicroseconds, turnsPerSecond: (assumptions.usableCpu * 1e6) / cpuMicroseconds };
}

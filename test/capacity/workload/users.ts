import { drawConversation, type Turn } from "./conversation.js";
import { draw } from "./spread.js";
import type { World } from "./world.js";

/** Whoever has conversations: a user with sessions, or nobody, for a standalone history. */
export type Owner = User | Standalone;

export interface User {
  readonly userId: string;
  readonly sessions: number;
  readonly conversations: readonly (readonly Turn[])[];
  /** The bytes of each value that the agent remembers. */
  readonly memory: readonly number[];
}

export interface Standalone {
  readonly sessionId: string;
  readonly conversation: readonly Turn[];
}

/** As many owners as have so many conversations together; the same for the same random numbers. */
export function* ownersOf(conversations: number, world: World, random: () => number): Generator<Owner> {
  let owners = 0;
  for (let left = conversations; left > 0;) {
    const name = `${String(owners++).padStart(9, "0")}-${Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0")}`;
    // A user has several conversations: of the owners, more than that part has to be standalone.
    const user = drawUser(name, world, left, random);
    const fewer = (world.standalone / (1 - world.standalone)) * user.conversations.length;
    left -= user.conversations.length;
    yield user;
    const histories = Math.min(left, Math.floor(fewer) + (random() < fewer % 1 ? 1 : 0));
    left -= histories;
    for (let count = 0; count < histories; count++) {
      yield { sessionId: `history-${name}-${count}`, conversation: drawConversation(world, random) };
    }
  }
}

function drawUser(name: string, world: World, most: number, random: () => number): User {
  const conversations = Math.min(most, draw(world.conversationsPerUser, random));
  return {
    userId: `user-${name}`,
    sessions: random() < world.secondSession ? 2 : 1,
    conversations: Array.from({ length: conversations }, () => drawConversation(world, random)),
    memory:
      random() < world.remembered
        ? Array.from({ length: draw(world.valuesPerMemory, random) }, () => draw(world.valueBytes, random))
        : [],
  };
}

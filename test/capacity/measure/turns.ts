import { SessionStore } from "langchain-redis-sessions";
import { bytesIn, drawTurn, messagesIn, messagesOf } from "../workload/conversation.js";
import type { World } from "../workload/world.js";
import { LANES } from "./calibrate-calls.js";
import { usageBetween, type Usage, usageOf } from "./info.js";
import { inLanes } from "./lanes.js";
import type { Server } from "./server.js";
import type { Opened } from "./store.js";

/** What turns cost the servers, each one a verify, a read of the conversation and an append. */
export interface MeasuredTurns {
  readonly turns: number;
  /** Of a turn. */
  readonly usage: Usage;
  /** What the average turn read and appended. */
  readonly readMessages: number;
  readonly readBytes: number;
  readonly appendedMessages: number;
  readonly appendedBytes: number;
}

/** One turn in each conversation, on connections that do one thing at a time. */
export async function measureTurns(
  { clients, nodes }: Server,
  opened: readonly Opened[],
  world: World,
  random: () => number,
): Promise<MeasuredTurns> {
  const stores = clients.map((client) => new SessionStore({ client }));
  const total = { readMessages: 0, readBytes: 0, appendedMessages: 0, appendedBytes: 0 };
  const before = await usageOf(nodes);
  await inLanes(opened, LANES, async ({ token, session: { conversationId }, turns }, lane) => {
    const store = stores[lane % stores.length] as (typeof stores)[number];
    const session = await store.verify(token);
    // The token's own record points at the conversation that was opened last.
    const history = store.history({ ...session, conversationId });
    await history.getMessages();
    const turn = drawTurn(world, random);
    await history.addMessages(messagesOf(turn, random));
    total.readMessages += messagesIn(turns);
    total.readBytes += bytesIn(turns);
    total.appendedMessages += messagesIn([turn]);
    total.appendedBytes += bytesIn([turn]);
  });
  const usage = usageBetween(before, await usageOf(nodes), opened.length);
  return {
    turns: opened.length,
    usage,
    readMessages: total.readMessages / opened.length,
    readBytes: total.readBytes / opened.length,
    appendedMessages: total.appendedMessages / opened.length,
    appendedBytes: total.appendedBytes / opened.length,
  };
}

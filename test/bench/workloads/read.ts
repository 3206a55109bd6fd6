import type { BaseMessage } from "@langchain/core/messages";
import type { Clients } from "../network/clients.js";
import { histories, messagesKey, type OpenHistory } from "./histories.js";
import { conversationOf } from "./messages.js";
import { COMMUNITY, IN_MEMORY, OURS, RAW } from "./names.js";
import type { Workload } from "./workload.js";

/** So many messages of one conversation, each concurrent session its own. */
export function read(length: number, mostSessions: number): Workload {
  return {
    name: `read-${length}`,
    title: `Read ${length.toLocaleString("en")} messages`,
    baselines: [COMMUNITY, RAW],
    mostSessions,
    candidates: async (clients, sessions) => {
      const open = histories(clients);
      await fill(clients, open, sessions, conversationOf(length));
      return [
        ...Object.entries(open).map(([name, openHistory]) => ({
          name,
          run: (session: number) => openHistory(conversation(name, session)).getMessages(),
        })),
        {
          name: RAW,
          run: async (session) => {
            const entries = await clients.ioredis.lrange(messagesKey(conversation(OURS, session)), 0, -1);
            return entries.map((entry) => JSON.parse(entry) as unknown);
          },
        },
      ];
    },
  };
}

// The two packages of LangChain store alike, and read what either wrote.
function conversation(name: string, session: number): string {
  return `${name === OURS || name === IN_MEMORY ? name : COMMUNITY}-${session}`.replaceAll(" ", "-");
}

async function fill(
  { ioredis }: Clients,
  open: Readonly<Record<string, OpenHistory>>,
  sessions: number,
  messages: BaseMessage[],
): Promise<void> {
  // Their own way of writing takes two round trips a message.
  const theirs = messages.map((message) => JSON.stringify(message.toDict()));
  for (let session = 0; session < sessions; session++) {
    await open[OURS]?.(conversation(OURS, session)).addMessages(messages);
    await open[IN_MEMORY]?.(conversation(IN_MEMORY, session)).addMessages(messages);
    await ioredis.lpush(conversation(COMMUNITY, session), ...theirs);
  }
}

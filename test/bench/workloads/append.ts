import { typicalTurn } from "./messages.js";
import { conversationNames, histories, TTL_SECONDS } from "./histories.js";
import { COMMUNITY, RAW } from "./names.js";
import type { Workload } from "./workload.js";

export const append: Workload = {
  name: "append",
  title: "Append a turn of two messages",
  baselines: [COMMUNITY, RAW],
  mostSessions: 256,
  candidates: (clients) => {
    const raw = conversationNames("raw", 50);
    return [
      ...Object.entries(histories(clients)).map(([name, open]) => {
        const conversation = conversationNames(name, 50);
        return { name, run: (session: number) => open(conversation(session)).addMessages(typicalTurn()) };
      }),
      {
        name: RAW,
        run: (session) => {
          const key = raw(session);
          const entries = typicalTurn().map((message) => JSON.stringify(message.toDict()));
          return clients.ioredis
            .pipeline()
            .rpush(key, ...entries)
            .expire(key, TTL_SECONDS)
            .exec();
        },
      },
    ];
  },
};

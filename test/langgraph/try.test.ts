import * as vitest from "vitest";
import { Redis } from "ioredis";
import { RedisSaver } from "langchain-redis-sessions/langgraph";
import { inject } from "vitest";
Object.assign(globalThis, vitest);
const { validate, deltaChannelHistoryTests } = await import("@langchain/langgraph-checkpoint-validation");
let n = 0;
const client = new Redis(inject("servers").single);
const init = {
  checkpointerName: "x",
  createCheckpointer: () => {
    n++;
    return new RedisSaver({ client: client, keyPrefix: "p" + n + Math.random() });
  },
};
validate(init as never);
deltaChannelHistoryTests(init as never);

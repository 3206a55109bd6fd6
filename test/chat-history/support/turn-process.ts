import { createInterface } from "node:readline";
import { Redis } from "ioredis";
import { RedisChatMessageHistory, ConversationBusyError } from "../../../src/index.js";
import { conversationOf } from "../../../src/chat-history/history.js";
import { takeLease } from "../../../src/turns/turn-lease.js";
import type { TurnReport } from "./turn-processes.js";
import { turn } from "../../support/turns.js";

// A program of its own that runs one turn. A line in: a TurnOrder as JSON; it takes the lease and says "held". The next
// line in: it stores the turn and says how that went, as a TurnReport.
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (value: unknown): boolean => process.stdout.write(`${JSON.stringify(value)}\n`);

const { host, port, sessionId, leaseMilliseconds } = JSON.parse((await lines.next()).value ?? "");
const client = new Redis({ host, port });
const history = new RedisChatMessageHistory({ client, sessionId });
const conversation = conversationOf(history);
const lease = await takeLease(conversation.log, { concurrency: "reject", leaseMilliseconds, waitForMilliseconds: 0 });
say("held");
await lines.next();
say(
  await conversation
    .append(conversation.encode(turn("from the process")), {
      operationId: "of the process",
      lease: { token: lease.token, after: "release" },
    })
    .then(
      (): TurnReport => ({ outcome: "stored" }),
      (error: unknown): TurnReport => ({
        outcome: error instanceof ConversationBusyError ? error.reason : String(error),
      }),
    ),
);
lease.stop();
client.disconnect();

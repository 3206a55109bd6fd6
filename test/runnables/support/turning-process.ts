import { createInterface } from "node:readline";
import { type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { RunnableLambda } from "@langchain/core/runnables";
import { Redis } from "ioredis";
import { RedisChatMessageHistory, TurnNotStoredError } from "../../../src/index.js";
import { RunnableWithSession } from "../../../src/runnables/index.js";
import type { TurnsOrder } from "./turning-processes.js";

// A program of its own that runs turns. A line in: a TurnsOrder as JSON; it connects and says "ready". The next line in:
// it runs them, one after another, and says how each ended, as a list. Its model answers what it was given.
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (value: unknown): boolean => process.stdout.write(`${JSON.stringify(value)}\n`);

const { host, port, sessionId, concurrency, lease, turns, onCommand } = JSON.parse(
  (await lines.next()).value ?? "",
) as TurnsOrder;
const client = new Redis({ host, port });
await client.ping();
const chain = new RunnableWithSession({
  runnable: RunnableLambda.from(async (messages: readonly BaseMessage[]) => {
    if (onCommand) {
      say("asked");
      await lines.next();
    }
    const whole = messages.every(({ type }, index) => type === (index % 2 === 0 ? "human" : "ai"));
    return `given ${messages.length - 1}, ${whole ? "whole" : "torn"}`;
  }),
  getMessageHistory: (id) => new RedisChatMessageHistory({ client, sessionId: id }),
  concurrency,
  lease,
});
say("ready");
await lines.next();
const outcomes: string[] = [];
for (let turn = 0; turn < turns; turn++) {
  const said = [new HumanMessage(`${process.pid}: ${turn}`)];
  outcomes.push(
    await chain.invoke(said, { configurable: { sessionId } }).then(
      () => "stored",
      (error: unknown) =>
        error instanceof TurnNotStoredError
          ? `${error.code}: ${(error.cause as { code?: string }).code}`
          : String(error),
    ),
  );
}
client.disconnect();
say(outcomes);

import { createInterface } from "node:readline";
import { type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { SessionStore } from "../../../src/index.js";
import { RunnableWithSession } from "../../../src/runnables/index.js";
import { calling, never, ScriptedModel } from "../../support/scripted-model.js";
import type { AgentOrder } from "./agent-processes.js";
import { moneyAgent } from "./money-agent.js";

// A program of its own that runs one agent or runnable, and says where it stands. Its one line in is an AgentOrder as JSON.
const say = (value: unknown): boolean => process.stdout.write(`${JSON.stringify(value)}\n`);

async function* speaking(messages: BaseMessage[], signal: AbortSignal | undefined): AsyncGenerator<string> {
  yield "Hel";
  yield "lo";
  say("hangs");
  yield await never(messages, signal);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { address, keyPrefix, session, begin, runs, does, closes, ...options } = JSON.parse(line) as AgentOrder;
  const sessions = new SessionStore({ client: new Redis(address), keyPrefix });
  const answer = begin && (await sessions.answers(session).begin(begin));
  const model = new ScriptedModel(...(does === "speak" ? [] : [calling(["transfer", { amount: 5 }])]), speaking);
  const configurable = { session, thread_id: session.conversationId, answer };
  try {
    const stream =
      runs === "runnable"
        ? new RunnableWithSession({ runnable: model, sessions, ...options }).stream("Hi", { configurable })
        : moneyAgent(model, { sessions, asks: does === "ask", ...options }).stream(
            { messages: [new HumanMessage("Hi")] },
            { context: { session, answer }, configurable, streamMode: "messages" } as never,
          );
    for await (const _chunk of await stream) answer?.send("chunk");
    say("paused");
  } catch (error) {
    const { code, reason } = ((error as Error).cause ?? error) as { code?: string; reason?: string };
    say({ code, reason });
  }
  if (closes !== true) continue;
  await answer?.close();
  say("closed");
}

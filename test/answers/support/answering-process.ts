import { createInterface } from "node:readline";
import { AIMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { type Answer, SessionStore } from "../../../src/index.js";
import { RunnableWithSession } from "../../../src/runnables/index.js";
import { hanging } from "../../support/scripted-model.js";
import type { AnswerOrder } from "./answering-processes.js";

// A program of its own that answers. A line in is an AnswerOrder as JSON. It says what it has done, and waits for the next.
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (value: unknown): boolean => process.stdout.write(`${JSON.stringify(value)}\n`);

let client: Redis | undefined;
let answer: Answer | undefined;
for await (const line of lines) {
  const { address, keyPrefix, session, begin, send, stores, runs, closes } = JSON.parse(line) as AnswerOrder;
  client ??= new Redis(address);
  const sessions = new SessionStore({ client, keyPrefix });
  try {
    if (begin !== undefined) answer = await sessions.answers(session).begin(begin);
    for (const event of send ?? []) answer?.send(event);
    if (runs !== undefined) {
      const chain = new RunnableWithSession({ runnable: hanging(runs), sessions });
      const reader = (await chain.stream("Hi", { configurable: { session, answer } }))[Symbol.asyncIterator]();
      for (const _part of runs) await reader.next();
      reader.next().catch(() => {});
    }
    if (stores !== undefined) await answer?.store([new AIMessage(stores)]);
    if (closes === true) await answer?.close();
    say("done");
  } catch (error) {
    const { code, cause } = error as { code?: string; cause?: { code?: string } };
    say({ code, cause: cause?.code });
  }
}

import type { BaseMessage } from "@langchain/core/messages";
import { ChatPromptTemplate, MessagesPlaceholder } from "@langchain/core/prompts";
import type { FakeStreamingChatModel } from "@langchain/core/utils/testing";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { RedisChatMessageHistory, type TurnOptions } from "../../../src/index.js";
import { RunnableWithSession } from "../../../src/runnables/index.js";
import { type Client, onOneRedis } from "../../support/topologies.js";
import { freshId } from "../../support/turns.js";
import { lines } from "./conversation.js";
import type { ScriptedModel } from "../../support/scripted-model.js";

type Model = ScriptedModel | FakeStreamingChatModel;
type Chain = RunnableWithSession<{ input: string }, BaseMessage>;

/** A conversation for each test of a file, in which turns are interrupted; and none may leave a rejection unhandled. */
export interface Interruptible {
  readonly client: Client;
  readonly sessionId: string;
  readonly open: () => RedisChatMessageHistory;
  readonly stored: () => Promise<string[]>;
  readonly storedSoon: (expected: string[]) => Promise<void>;
  readonly config: () => { configurable: { sessionId: string } };
  readonly chainOf: (model: Model, options?: TurnOptions) => Chain;
  /** Within a test, goes on with another conversation. */
  readonly another: () => void;
}

export function interruptible(): Interruptible {
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown): void => void rejections.push(reason);
  const prompt = ChatPromptTemplate.fromMessages([new MessagesPlaceholder("history"), ["human", "{input}"]]);
  let client: Client;
  let sessionId = freshId();
  beforeAll(() => {
    client = onOneRedis.connect();
    process.on("unhandledRejection", onRejection);
  });
  afterAll(async () => {
    await client.quit();
    process.off("unhandledRejection", onRejection);
  });
  beforeEach(() => {
    sessionId = freshId();
  });
  afterEach(async () => {
    await new Promise(setImmediate);
    if (rejections.length > 0) throw new Error("Unhandled rejections", { cause: rejections.splice(0) });
  });
  const open = (): RedisChatMessageHistory => new RedisChatMessageHistory({ client, sessionId });
  const stored = async (): Promise<string[]> => lines(await open().getMessages());
  return {
    get client() {
      return client;
    },
    get sessionId() {
      return sessionId;
    },
    open,
    stored,
    storedSoon: (expected) => expect.poll(stored, { interval: 5 }).toEqual(expected),
    config: () => ({ configurable: { sessionId } }),
    chainOf: (model, options = {}) =>
      new RunnableWithSession({
        runnable: prompt.pipe(model as ScriptedModel),
        getMessageHistory: open,
        inputMessagesKey: "input",
        historyMessagesKey: "history",
        ...options,
      }),
    another: () => {
      sessionId = freshId();
    },
  };
}

/** Reads as much, and then does something else. */
export async function read(
  stream: AsyncIterable<BaseMessage>,
  parts: number,
  then: () => void = () => {},
): Promise<void> {
  let count = 0;
  for await (const _part of stream) {
    count += 1;
    if (count === parts) then();
  }
}

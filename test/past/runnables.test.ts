// P13 and P16 through RunnableWithSession over a model: repeated requests, and requests that replace a message.
import type { BaseMessage } from "@langchain/core/messages";
import { beforeEach, describe, expect, test } from "vitest";
import {
  InvalidOptionError,
  OperationConflictError,
  PositionNotFoundError,
  RedisChatMessageHistory,
  type Session,
} from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { lines } from "../runnables/support/conversation.js";
import { hanging, ScriptedModel } from "../support/scripted-model.js";
import { client, sessions } from "../support/session-store.js";
import { freshId } from "../support/turns.js";

const broken = new Error("out of order");
/** Says some words, then fails. */
const failing = (): ScriptedModel =>
  new ScriptedModel(async function* () {
    yield "Hel";
    yield "lo";
    throw broken;
  });

let session: Session;
let sessionId: string;
beforeEach(async () => {
  sessionId = freshId();
  ({ session } = await sessions.create({ userId: freshId(), agentId: "support" }));
});
const config = (more: Record<string, unknown>) => ({ configurable: { session, sessionId, ...more } });
const open = (): RedisChatMessageHistory => new RedisChatMessageHistory({ client, sessionId });

async function readAll(stream: AsyncIterable<BaseMessage>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += chunk.text;
  return text;
}

describe.each([
  {
    of: "a history",
    chainOf: (runnable: ScriptedModel, onInterrupt?: "keep" | "discard") =>
      new RunnableWithSession({ runnable, getMessageHistory: open, onInterrupt }),
    stored: async () => lines(await open().getMessages()),
  },
  {
    of: "a session",
    chainOf: (runnable: ScriptedModel, onInterrupt?: "keep" | "discard") =>
      new RunnableWithSession({ runnable, sessions, onInterrupt }),
    stored: async () => lines(await sessions.history(session).getMessages()),
  },
])("a request of $of", ({ chainOf, stored }) => {
  test.each(["keep", "discard"] as const)(
    "that fails three times and is repeated is stored once, and no run is shown an earlier one, with %s",
    async (onInterrupt) => {
      await chainOf(new ScriptedModel("fine")).invoke("How are you?", config({}));
      const before = ["human: How are you?", "ai: fine"];
      const asked: string[][] = [];
      for (let round = 0; round < 3; round++) {
        const model = failing();
        const chain = chainOf(model, onInterrupt);
        const call = config({ operationId: "one" });
        const run = round === 1 ? chain.invoke("Hi", call) : chain.stream("Hi", call).then(readAll);
        await expect(run).rejects.toThrow(broken.message);
        asked.push(...model.given.map(lines));
        await expect
          .poll(stored)
          .toEqual(
            onInterrupt === "discard"
              ? before
              : [...before, ...(round === 1 ? ["human!: Hi"] : ["human: Hi", "ai!: Hello"])],
          );
      }
      const model = new ScriptedModel("Hello to you");
      await chainOf(model).invoke("Hi", config({ operationId: "one" }));
      asked.push(...model.given.map(lines));
      expect(asked).toEqual(Array.from({ length: 4 }, () => [...before, "human: Hi"]));
      expect(await stored()).toEqual([...before, "human: Hi", "ai: Hello to you"]);
      const again = chainOf(model).invoke("Hi", config({ operationId: "one" }));
      await expect(again).rejects.toBeInstanceOf(OperationConflictError);
    },
  );

  test("that comes again while its first run hangs is answered, and the first run leaves nothing", async () => {
    const stop = new AbortController();
    const chain = chainOf(hanging(["Hel", "lo"]));
    const stream = await chain.stream("Hi", { ...config({ operationId: "one" }), signal: stop.signal });
    const reader = stream[Symbol.asyncIterator]();
    await reader.next();
    await chainOf(new ScriptedModel("answer")).invoke("Hi", config({ operationId: "one" }));
    stop.abort(new Error("enough"));
    await expect(readAll(stream)).rejects.toThrow("enough");
    expect(await stored()).toEqual(["human: Hi", "ai: answer"]);
  });
});

describe("a request that replaces a message", () => {
  const past = ["human: one", "ai: first", "human: two", "ai: second"];
  const stored = async (): Promise<string[]> => lines(await sessions.history(session).getMessages());
  const chainOf = (runnable: ScriptedModel) => new RunnableWithSession({ runnable, sessions });
  let replaces: string;
  beforeEach(async () => {
    for (const [said, answer] of [
      ["one", "first"],
      ["two", "second"],
    ]) {
      await chainOf(new ScriptedModel(answer ?? "")).invoke(said ?? "", config({}));
    }
    const messages = await sessions.conversations.messages(session, session.conversationId);
    replaces = messages[2]?.position ?? "";
  });

  test("is answered from what is in front of it, and takes its place", async () => {
    const model = new ScriptedModel("new");
    await chainOf(model).invoke("edited", config({ replaces }));
    expect(model.given.map(lines)).toEqual([["human: one", "ai: first", "human: edited"]]);
    expect(await stored()).toEqual(["human: one", "ai: first", "human: edited", "ai: new"]);
  });

  test("leaves the old past when the model fails, when it is aborted, and when its reader leaves", async () => {
    const call = config({ replaces, operationId: "one" });
    await expect(chainOf(failing()).invoke("edited", call)).rejects.toThrow(broken.message);
    await expect(chainOf(failing()).stream("edited", call).then(readAll)).rejects.toThrow(broken.message);
    for await (const _chunk of await chainOf(hanging(["Hel"])).stream("edited", call)) break;
    expect(await stored()).toEqual(past);
    await chainOf(new ScriptedModel("new")).invoke("edited", call);
    expect(await stored()).toEqual(["human: one", "ai: first", "human: edited", "ai: new"]);
    await expect(chainOf(failing()).invoke("edited", call)).rejects.toBeInstanceOf(OperationConflictError);
  });

  test("names a position that is gone, of an answer or of no form: it is refused before the model is asked", async () => {
    const model = new ScriptedModel("new");
    const messages = await sessions.conversations.messages(session, session.conversationId);
    const ask = (position: unknown): Promise<unknown> =>
      chainOf(model).invoke("edited", config({ replaces: position }));
    await expect(ask(replaces.replace("-2", "-9"))).rejects.toBeInstanceOf(PositionNotFoundError);
    for (const position of [messages[1]?.position, "last", "", 2, null]) {
      await expect(ask(position)).rejects.toBeInstanceOf(InvalidOptionError);
    }
    expect(model.given).toEqual([]);
    expect(await stored()).toEqual(past);
  });

  test("needs a session: a history on its own refuses it before the model is asked", async () => {
    const model = new ScriptedModel("new");
    const chain = new RunnableWithSession({ runnable: model, getMessageHistory: open });
    await expect(chain.invoke("edited", config({ replaces }))).rejects.toBeInstanceOf(InvalidOptionError);
    expect(model.given).toEqual([]);
  });
});

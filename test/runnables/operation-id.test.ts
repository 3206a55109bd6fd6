// configurable.operationId names a turn: a repeated request cannot store it twice.
import { InMemoryChatMessageHistory } from "@langchain/core/chat_history";
import { RunnableLambda } from "@langchain/core/runnables";
import { beforeEach, describe, expect, test } from "vitest";
import {
  InvalidOptionError,
  OperationConflictError,
  RedisChatMessageHistory,
  type Session,
  TurnNotStoredError,
} from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { client, sessions } from "../support/session-store.js";
import { freshId } from "../support/turns.js";
import { lines } from "./support/conversation.js";

let sessionId: string;
let session: Session;
/** What the runnable answers, and how often it was asked. */
let answer: () => Promise<string>;
let runs: number;
beforeEach(async () => {
  sessionId = freshId();
  ({ session } = await sessions.create({ userId: freshId(), agentId: "support" }));
  runs = 0;
  answer = async () => "answer";
});

const runnable = RunnableLambda.from(async (_said: unknown) => {
  runs += 1;
  return answer();
});
const open = (id = sessionId): RedisChatMessageHistory => new RedisChatMessageHistory({ client, sessionId: id });

describe.each([
  {
    of: "a history",
    chain: () => new RunnableWithSession({ runnable, getMessageHistory: (id) => open(id) }),
    stored: async () => lines(await open().getMessages()),
  },
  {
    of: "a session",
    chain: () => new RunnableWithSession({ runnable, sessions }),
    stored: async () => lines(await sessions.history(session).getMessages()),
  },
])("a request of $of", ({ chain, stored }) => {
  const config = (operationId: unknown) => ({ configurable: { sessionId, session, operationId } });

  test("that is repeated when its turn is stored is refused before anything is run", async () => {
    await chain().invoke("Hi", config("one"));
    const again = chain().invoke("Hi", config("one"));
    await expect(again).rejects.toBeInstanceOf(OperationConflictError);
    await expect(chain().stream("Hi", config("one"))).rejects.toMatchObject({ operationId: "one" });
    expect(runs).toBe(1);
    expect(await stored()).toEqual(["human: Hi", "ai: answer"]);
  });

  test("that comes twice at once is stored once; the other one is told so, and keeps its answer", async () => {
    let asked = 0;
    answer = async () => {
      asked += 1;
      const mine = asked;
      await expect.poll(() => asked).toBe(2);
      return `answer ${mine}`;
    };
    const outcomes = await Promise.allSettled([
      chain().invoke("Hi", config("one")),
      chain().invoke("Hi", config("one")),
    ]);
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    const reason: unknown = outcomes.find((outcome) => outcome.status === "rejected")?.reason;
    expect(reason).toBeInstanceOf(TurnNotStoredError);
    expect(reason).toMatchObject({ operationId: "one", output: expect.stringContaining("answer") });
    expect((reason as Error).cause).toBeInstanceOf(OperationConflictError);
    expect(await stored()).toHaveLength(2);
  });

  test("that comes twice at once with the same answer is stored once, and both are content", async () => {
    let asked = 0;
    answer = async () => {
      asked += 1;
      await expect.poll(() => asked).toBe(2);
      return "the same";
    };
    await Promise.all([chain().invoke("Hi", config("one")), chain().invoke("Hi", config("one"))]);
    expect(await stored()).toEqual(["human: Hi", "ai: the same"]);
  });

  test("that failed in the model may be made again under its name", async () => {
    answer = async () => {
      throw new Error("out of order");
    };
    await expect(chain().invoke("Hi", config("one"))).rejects.toThrow("out of order");
    answer = async () => "answer";
    await chain().invoke("Hi", config("one"));
    expect(await stored()).toEqual(["human: Hi", "ai: answer"]);
    await expect(chain().invoke("Hi", config("one"))).rejects.toBeInstanceOf(OperationConflictError);
  });

  test("that fails twice in the same way keeps what the user said once", async () => {
    answer = async () => {
      throw new Error("out of order");
    };
    await expect(chain().invoke("Hi", config("one"))).rejects.toThrow("out of order");
    await expect(chain().invoke("Hi", config("one"))).rejects.toThrow("out of order");
    expect(await stored()).toEqual(["human!: Hi"]);
  });

  test("that is interrupted twice keeps what the second run left", async () => {
    for (const part of ["One", "Another"]) {
      answer = async () => part;
      const stream = await chain().stream("Hi", config("one"));
      for await (const _part of stream) break;
    }
    await expect.poll(stored).toEqual(["human: Hi", "ai!: Another"]);
  });

  test.each<[what: string, operationId: unknown]>([
    ["a number", 5],
    ["empty", ""],
    ["null", null],
    ["an object", { an: "object" }],
    ["not well-formed", "\ud800"],
    ["too long", "x".repeat(1_025)],
  ])("whose operation id is %s is refused before anything is run", async (_what, operationId) => {
    const error: unknown = await chain()
      .invoke("Hi", config(operationId))
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect((error as InvalidOptionError).option).toContain("operationId");
    expect(runs).toBe(0);
  });
});

test("a request whose turn could not be stored may be made again: it runs, and is stored once", async () => {
  const chain = new RunnableWithSession({ runnable, getMessageHistory: (id) => open(id) });
  const config = { configurable: { sessionId, operationId: "one" } };
  answer = async () => {
    await client.set(`chat:history:{${sessionId}}:messages`, "in the way");
    return "answer";
  };
  const error: unknown = await chain.invoke("Hi", config).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TurnNotStoredError);
  await client.del(`chat:history:{${sessionId}}:messages`);
  answer = async () => "answer";
  await chain.invoke("Hi", config);
  await (error as TurnNotStoredError).retry();
  expect(lines(await open().getMessages())).toEqual(["human: Hi", "ai: answer"]);
});

test("a history of another library cannot name its turns, and says so", async () => {
  const chain = new RunnableWithSession({ runnable, getMessageHistory: () => new InMemoryChatMessageHistory() });
  await expect(chain.invoke("Hi", { configurable: { sessionId, operationId: "one" } })).rejects.toMatchObject({
    option: "configurable.operationId",
  });
  expect(runs).toBe(0);
});

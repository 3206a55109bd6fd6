// Several turns of one conversation at once, in one process and in several.
import { InMemoryChatMessageHistory } from "@langchain/core/chat_history";
import type { BaseMessage } from "@langchain/core/messages";
import { RunnableLambda } from "@langchain/core/runnables";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import {
  type TurnOptions,
  InvalidOptionError,
  RedisChatMessageHistory,
  type Session,
  ConversationBusyError,
  SessionStore,
} from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { amount } from "../support/amount.js";
import type { LineProcess } from "../support/line-process.js";
import { client, sessions } from "../support/session-store.js";
import { freshId } from "../support/turns.js";
import { lines } from "./support/conversation.js";
import { answering, hanging } from "../support/scripted-model.js";
import { turningProcess } from "./support/turning-processes.js";

const { single } = inject("servers");

const processes: LineProcess[] = [];
let sessionId: string;
let session: Session;
beforeEach(async () => {
  sessionId = freshId();
  ({ session } = await sessions.create({ userId: freshId(), agentId: "support" }));
});
afterEach(async () => {
  await Promise.all(processes.splice(0).map((running) => running.stop()));
});
async function startProcess(...order: Parameters<typeof turningProcess>): Promise<LineProcess> {
  const running = await turningProcess(...order);
  processes.push(running);
  return running;
}

const open = (): RedisChatMessageHistory => new RedisChatMessageHistory({ client, sessionId });

/** Answers what it was given, when it is let. */
const observer = (until: (said: string) => Promise<unknown> = async () => {}) =>
  RunnableLambda.from(async (messages: readonly BaseMessage[]) => {
    await until(messages.at(-1)?.text ?? "");
    return `given ${messages.length - 1}`;
  });

const conversations = [
  {
    of: "a history",
    fields: { getMessageHistory: open },
    stored: async () => lines(await open().getMessages()),
    held: async () => client.exists(`chat:history:{${sessionId}}:lease`),
  },
  {
    of: "a session",
    fields: { sessions: undefined as SessionStore | undefined },
    stored: async () => lines(await sessions.history(session).getMessages()),
    held: async () => (await client.keys(`*lease:${session.conversationId}`)).length,
  },
];

describe.each(conversations)("turns of $of", ({ of, stored, held }) => {
  type Answering = ReturnType<typeof observer> | ReturnType<typeof answering>;
  const chainOf = (runnable: Answering, options: TurnOptions = {}) =>
    of === "a history"
      ? new RunnableWithSession<unknown, unknown>({ runnable: runnable as never, getMessageHistory: open, ...options })
      : new RunnableWithSession<unknown, unknown>({ runnable: runnable as never, sessions, ...options });
  const config = () => ({ configurable: { sessionId, session } });
  const free = (): Promise<void> => expect.poll(held, { interval: 5 }).toBe(0);

  test("64 at once, allowed: all are stored, each whole", async () => {
    const chain = chainOf(answering());
    const said = Array.from({ length: 64 }, (_, turn) => `turn ${turn}`);
    await Promise.all(said.map((input) => chain.invoke(input, config())));
    const all = await stored();
    expect(all.filter((line) => line.startsWith("human")).toSorted()).toEqual(
      said.map((text) => `human: ${text}`).toSorted(),
    );
    for (let turn = 0; turn < 64; turn++) {
      expect(all[2 * turn + 1]).toBe(`ai: re: ${all[2 * turn]?.slice("human: ".length)}`);
    }
  });

  test("with reject, one that comes while another runs is refused at once, and runs later", async () => {
    let answer: () => void = () => {};
    const asked: string[] = [];
    const chain = chainOf(
      observer(async (said) => {
        asked.push(said);
        if (said === "first") await new Promise<void>((resolve) => (answer = resolve));
      }),
      { concurrency: "reject" },
    );
    const first = chain.invoke("first", config());
    await expect.poll(() => asked).toEqual(["first"]);
    const started = performance.now();
    await expect(chain.invoke("second", config())).rejects.toMatchObject({
      code: "CONVERSATION_BUSY",
      reason: "taken",
    });
    await expect(chain.stream("second", config())).rejects.toBeInstanceOf(ConversationBusyError);
    expect(performance.now() - started).toBeLessThan(1_000);
    answer();
    await first;
    await chain.invoke("third", config());
    expect(asked).toEqual(["first", "third"]);
    expect(await stored()).toEqual(["human: first", "ai: given 0", "human: third", "ai: given 2"]);
  });

  test("with wait, each is given what those before it said, in the order in which they came", async () => {
    const chain = chainOf(observer(), { concurrency: "wait" });
    await chain.invoke("0", config());
    await Promise.all([1, 2, 3, 4, 5, 6, 7].map((turn) => chain.invoke(String(turn), config())));
    expect(await stored()).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7].flatMap((turn) => [`human: ${turn}`, `ai: given ${2 * turn}`]),
    );
    await free();
  });

  test("with wait, one that waits too long is refused, and one that is aborted leaves the line", async () => {
    const stop = new AbortController();
    const first = chainOf(hanging([]), { concurrency: "wait" }).invoke("first", { ...config(), signal: stop.signal });
    first.catch(() => {});
    await expect.poll(held, { interval: 5 }).toBe(1);
    const chain = chainOf(answering(), { concurrency: "wait", waitFor: 0.2 });
    await expect(chain.invoke("second", config())).rejects.toMatchObject({ reason: "taken" });
    const giveUp = new AbortController();
    const third = chainOf(answering(), { concurrency: "wait" }).invoke("third", { ...config(), signal: giveUp.signal });
    giveUp.abort(new Error("enough"));
    await expect(third).rejects.toThrow("enough");
    stop.abort(new Error("first is done"));
    await expect(first).rejects.toThrow("first is done");
    await chainOf(answering(), { concurrency: "wait" }).invoke("fourth", config());
    expect(await stored()).toEqual(["human!: first", "human: fourth", "ai: re: fourth"]);
  });

  test("one that takes longer than its lease keeps it", async () => {
    const slow = observer(() => new Promise((resolve) => setTimeout(resolve, 4_000)));
    await chainOf(slow, { concurrency: "wait", lease: 1.5 }).invoke("slow", config());
    expect(await stored()).toEqual(["human: slow", "ai: given 0"]);
    await free();
  });

  test.each<[how: string, run: () => Promise<unknown>]>([
    ["is stored", () => chainOf(answering(), { concurrency: "reject" }).invoke("Hi", config())],
    ["fails", () => chainOf(observer(async () => { throw new Error("x"); }), { concurrency: "reject" }).invoke("Hi", config())], // prettier-ignore
    ["fails and is discarded", () => chainOf(observer(async () => { throw new Error("x"); }), { concurrency: "reject", onInterrupt: "discard" }).invoke("Hi", config())], // prettier-ignore
    ["times out", () => chainOf(hanging([]), { concurrency: "reject" }).invoke("Hi", { ...config(), timeout: 50 })],
    [
      "repeats one that is stored",
      async () => {
        const chain = chainOf(answering(), { concurrency: "reject" });
        const named = { configurable: { ...config().configurable, operationId: "one" } };
        await chain.invoke("Hi", named);
        await chain.invoke("Hi", named);
      },
    ],
    [
      "is broken off",
      async () => {
        for await (const _part of await chainOf(hanging(["Hel"]), { concurrency: "reject" }).stream("Hi", config()))
          break;
      },
    ],
  ])("one that %s frees the conversation", async (_how, run) => {
    await run().catch(() => {});
    await expect.poll(held, { interval: 5 }).toBe(0);
  });
});

test("a turn whose input is of the wrong form does not hold the conversation", async () => {
  const chain = new RunnableWithSession<unknown, unknown>({
    runnable: answering() as never,
    getMessageHistory: open,
    historyMessagesKey: "history",
    concurrency: "reject",
  });
  await expect(chain.invoke("no object", { configurable: { sessionId } })).rejects.toBeInstanceOf(InvalidOptionError);
  expect(await client.exists(`chat:history:{${sessionId}}:lease`)).toBe(0);
});

test.each(["reject", "wait"] as const)("a history of another library cannot %s, and says so", async (concurrency) => {
  const chain = new RunnableWithSession({
    runnable: answering(),
    getMessageHistory: () => new InMemoryChatMessageHistory(),
    concurrency,
  });
  await expect(chain.invoke("Hi", { configurable: { sessionId } })).rejects.toMatchObject({ option: "concurrency" });
});

describe("turns of several processes", () => {
  const TURNS = amount(50, 200);

  test(
    "with wait, run one after another: each is whole, and was given all before it",
    { timeout: 60_000 },
    async () => {
      const order = { ...single, sessionId, concurrency: "wait", turns: TURNS, onCommand: false } as const;
      const both = await Promise.all([startProcess(order), startProcess(order)]);
      for (const one of both) one.say("begin");
      const outcomes = await Promise.all(both.map((one) => one.hear()));
      expect(outcomes.flat()).toEqual(Array(2 * TURNS).fill("stored"));
      const stored = lines(await open().getMessages());
      expect(stored.filter((_, index) => index % 2 === 1)).toEqual(
        Array.from({ length: 2 * TURNS }, (_, turn) => `ai: given ${2 * turn}, whole`),
      );
      const speakers = stored.filter((_, index) => index % 2 === 0).map((line) => line.split(": ")[1]);
      expect(new Set(speakers).size, "they took turns").toBe(2);
      expect(new Set(stored.filter((line) => line.startsWith("human"))).size).toBe(2 * TURNS);
    },
  );

  test("control: with allow, some are given less than all before them", async () => {
    const order = { ...single, sessionId, concurrency: "allow", turns: 50, onCommand: false } as const;
    const both = await Promise.all([startProcess(order), startProcess(order)]);
    for (const one of both) one.say("begin");
    await Promise.all(both.map((one) => one.hear()));
    const answers = lines(await open().getMessages()).filter((_, index) => index % 2 === 1);
    expect(answers).toHaveLength(100);
    expect(answers).not.toEqual(Array.from({ length: 100 }, (_, turn) => `ai: given ${2 * turn}, whole`));
  });

  const slow = () => ({ ...single, sessionId, concurrency: "wait", lease: 0.5, turns: 1, onCommand: true }) as const;
  const waiting = () =>
    new RunnableWithSession({ runnable: observer(), getMessageHistory: open, concurrency: "wait", lease: 0.5 }).invoke(
      [{ role: "user", content: "next" }] as never,
      { configurable: { sessionId } },
    );

  test("one that stands still past its lease and goes on: its write is refused", async () => {
    const holder = await startProcess(slow());
    holder.say("begin");
    expect(await holder.hear()).toBe("asked");
    holder.signal("SIGSTOP");
    await waiting();
    holder.signal("SIGCONT");
    holder.say("answer");
    expect(await holder.hear()).toEqual(["TURN_NOT_STORED: CONVERSATION_BUSY"]);
    expect(lines(await open().getMessages())).toEqual(["human: next", "ai: given 0"]);
  });

  test("one that is killed frees the conversation within its lease", async () => {
    const holder = await startProcess(slow());
    holder.say("begin");
    expect(await holder.hear()).toBe("asked");
    holder.signal("SIGKILL");
    const killed = performance.now();
    await waiting();
    expect(performance.now() - killed).toBeLessThan(2_000);
  });
});

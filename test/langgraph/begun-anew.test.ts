// The thread of a session's conversation is working state: a turn that repeats or replaces begins it anew.
import { HumanMessage } from "@langchain/core/messages";
import { Command } from "@langchain/langgraph";
import { type AgentMiddleware, createAgent, createMiddleware, humanInTheLoopMiddleware, tool } from "langchain";
import { beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import {
  ConversationBusyError,
  ConversationChangedError,
  InvalidOptionError,
  OperationConflictError,
  PositionNotFoundError,
  type Session,
  ThreadDeletedError,
} from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { SessionSaver } from "langchain-redis-sessions/langgraph";
import { ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { calling, ScriptedModel } from "../support/scripted-model.js";
import { client, sessions } from "../support/session-store.js";
import { freshId, texts } from "../support/turns.js";

let session: Session;
beforeEach(async () => {
  ({ session } = await sessions.create({ userId: freshId(), agentId: "support" }));
});

const stored = async (): Promise<string[]> => texts(await sessions.history(session).getMessages());
const positions = async (): Promise<string[]> =>
  (await sessions.conversations.messages(session, session.conversationId)).map(({ position }) => position);
const isThere = (): Promise<number> =>
  client.exists(ownerKeys("chat", ownerTag(session.userId, undefined)).thread(session.conversationId).checkpoints);

const buy = tool(({ what }: { what: string }) => `bought ${what}`, {
  name: "buy",
  description: "Buys something",
  schema: z.object({ what: z.string() }),
});
/** Counts the calls of a model in the thread, as limits and lists of tasks do. */
const counting = createMiddleware({
  name: "Counting",
  stateSchema: z.object({ count: z.number().default(0) }),
  beforeModel: ({ count }) => ({ count: count + 1 }),
});
const agentOf = (
  model: ScriptedModel,
  persist: "turn" | "step" = "turn",
  concurrency: "allow" | "reject" | "wait" = "allow",
) =>
  createAgent({
    model,
    tools: [buy],
    checkpointer: new SessionSaver({ sessions }),
    middleware: [
      sessionMiddleware({ sessions, persist, concurrency }),
      counting,
      humanInTheLoopMiddleware({ interruptOn: { buy: true } } as never) as AgentMiddleware,
    ],
  });
const config = (turn: { operationId?: string; replaces?: string | undefined } = {}) => ({
  context: { session, ...turn },
  configurable: { thread_id: session.conversationId, session },
});
const say = (text: string) => ({ messages: [new HumanMessage(text)] });
const approve = new Command({ resume: { decisions: [{ type: "approve" }] } });

describe("a thread", () => {
  test("keeps what it holds from turn to turn", async () => {
    const agent = agentOf(new ScriptedModel("A"));
    await agent.invoke(say("Q1"), config());
    expect((await agent.invoke(say("Q2"), config())).count).toBe(2);
  });

  test("begins again with a turn that replaces, so that nothing of what was replaced is left in it", async () => {
    const agent = agentOf(new ScriptedModel("A"));
    for (const text of ["Q1", "Q2"]) await agent.invoke(say(text), config());
    const { count, messages } = await agent.invoke(say("Q2b"), config({ replaces: (await positions())[2] }));
    expect([count, texts(messages)]).toEqual([1, ["Q1", "A", "Q2b", "A"]]);
  });

  test.each(["turn", "step"] as const)("is begun anew by a request that is repeated (persist: %s)", async (persist) => {
    const agent = agentOf(new ScriptedModel("A", new Error("no"), "A"), persist);
    await agent.invoke(say("Q1"), config());
    const turn = config({ operationId: "request-2" });
    await expect(agent.invoke(say("Q2"), turn)).rejects.toThrow("no");
    await expect.poll(stored).toEqual(["Q1", "A", "Q2"]);
    const { count, messages } = await agent.invoke(say("Q2"), turn);
    expect([count, texts(messages)]).toEqual([1, ["Q1", "A", "Q2", "A"]]);
  });

  test("does not begin again with a look at it, or with a turn of another name", async () => {
    const agent = agentOf(new ScriptedModel("A", new Error("no"), "A"));
    await agent.invoke(say("Q1"), config());
    await expect(agent.invoke(say("Q2"), config({ operationId: "request-2" }))).rejects.toThrow("no");
    await expect.poll(stored).toEqual(["Q1", "A", "Q2"]);
    await agent.graph.getState(config({ operationId: "request-2" }));
    await agent.graph.getState(config({ replaces: (await positions())[0] }));
    expect(await isThere()).toBe(1);
    expect((await agent.invoke(say("Q3"), config({ operationId: "request-3" }))).count).toBe(3);
  });

  test("that waits for a person is kept, and its run goes on under the same operation id", async () => {
    const agent = agentOf(new ScriptedModel(calling(["buy", { what: "bread" }]), "Done."), "step");
    const turn = config({ operationId: "request-1" });
    await agent.invoke(say("Buy bread"), turn);
    await agent.invoke(approve, turn);
    expect(await stored()).toEqual(["Buy bread", "", "bought bread", "Done."]);
  });

  test("that waits for a person begins again when its request is repeated, or its question edited", async () => {
    const asking = calling(["buy", { what: "bread" }]);
    const agent = agentOf(new ScriptedModel("A", asking, asking, "No bread."), "step");
    await agent.invoke(say("Q1"), config());
    const turn = config({ operationId: "request-2" });
    await agent.invoke(say("Buy bread"), turn);
    expect((await agent.invoke(say("Buy bread"), turn)).count).toBe(1);
    expect(await stored()).toEqual(["Q1", "A", "Buy bread"]);
    const { count } = await agent.invoke(say("Buy nothing"), config({ replaces: (await positions())[2] }));
    expect([count, await stored()]).toEqual([1, ["Q1", "A", "Buy nothing", "No bread."]]);
  });

  test("that waits for a person is left to its run by a request that is refused", async () => {
    const agent = agentOf(new ScriptedModel("A", "B", calling(["buy", { what: "bread" }]), "Done."));
    await agent.invoke(say("Q1"), config());
    const edit = config({ replaces: (await positions())[0], operationId: "edit-1" });
    await agent.invoke(say("Q1b"), edit);
    await agent.invoke(say("Buy bread"), config());
    const [, answer] = await positions();
    await expect(agent.invoke(say("Q1b"), edit)).rejects.toBeInstanceOf(OperationConflictError);
    await expect(agent.invoke(say("Q1c"), config({ replaces: "1-77" }))).rejects.toBeInstanceOf(PositionNotFoundError);
    for (const replaces of [answer, "first"]) {
      await expect(agent.invoke(say("Q1c"), config({ replaces }))).rejects.toBeInstanceOf(InvalidOptionError);
    }
    await agent.invoke(approve, config());
    expect(await stored()).toEqual(["Q1b", "B", "Buy bread", "", "bought bread", "Done."]);
  });

  test("of a run that holds its conversation is left to it by a request that is repeated or edited meanwhile", async () => {
    let goOn = (): void => {};
    const slow = new ScriptedModel("A", async () => {
      await new Promise<void>((resolve) => (goOn = resolve));
      return "B";
    });
    const agent = agentOf(slow, "step", "reject");
    await agent.invoke(say("Q1"), config());
    const turn = config({ operationId: "request-2" });
    const running = agent.invoke(say("Q2"), turn);
    await expect.poll(() => slow.given.length).toBe(2);
    const refused = [
      agent.invoke(say("Q2"), turn),
      agent.invoke(say("Q1b"), config({ replaces: (await positions())[0] })),
    ];
    for (const request of refused) await expect(request).rejects.toBeInstanceOf(ConversationBusyError);
    goOn();
    expect((await running).count).toBe(2);
    expect(await stored()).toEqual(["Q1", "A", "Q2", "B"]);
  });

  test.each(["turn", "step"] as const)(
    "of a run that holds its conversation is not disturbed by runs that wait for it (persist: %s)",
    async (persist) => {
      let goOn = (): void => {};
      const slow = new ScriptedModel(
        "A",
        async () => {
          await new Promise<void>((resolve) => (goOn = resolve));
          return "B";
        },
        "C",
      );
      const agent = agentOf(slow, persist, "wait");
      await agent.invoke(say("Q1"), config());
      const running = agent.invoke(say("Q2"), config());
      await expect.poll(() => slow.given.length).toBe(2);
      const waiting = [agent.invoke(say("Q3"), config()), agent.invoke(say("Q4"), config())];
      await expect
        .poll(() =>
          client.zcard(ownerKeys("chat", ownerTag(session.userId, undefined)).turns(session.conversationId).waiting),
        )
        .toBe(2);
      goOn();
      expect(texts((await running).messages)).toEqual(["Q1", "A", "Q2", "B"]);
      await Promise.all(waiting);
      const said = await stored();
      expect([said.slice(0, 4), said.length]).toEqual([["Q1", "A", "Q2", "B"], 8]);
      expect(texts((await agent.invoke(say("Q5"), config())).messages)).toEqual([...said, "Q5", "C"]);
    },
  );

  test("is dropped by a rewind, after which a run that waited cannot go on", async () => {
    const model = new ScriptedModel("A", calling(["buy", { what: "bread" }]), "Done.");
    const agent = agentOf(model, "step");
    await agent.invoke(say("Q1"), config());
    await agent.invoke(say("Buy bread"), config());
    expect(await stored()).toEqual(["Q1", "A", "Buy bread"]);
    await sessions.conversations.rewind(session, session.conversationId, { before: (await positions())[2] ?? "" });
    expect(await isThere()).toBe(0);
    // LangGraph runs nothing when it is to go on with a thread that is not there.
    expect((await agent.invoke(approve, config())).messages).toEqual([]);
    expect(model.given.length).toBe(2);
    expect(await stored()).toEqual(["Q1", "A"]);
  });

  test("that is dropped while a run goes on gets nothing of that run any more", async () => {
    let goOn = (): void => {};
    const hanging = new ScriptedModel(async () => {
      await new Promise<void>((resolve) => (goOn = resolve));
      return calling(["buy", { what: "bread" }])();
    });
    await agentOf(new ScriptedModel("A")).invoke(say("Q1"), config());
    const [replaces] = await positions();
    const late = agentOf(hanging)
      .invoke(say("Q2"), config())
      .catch((reason: unknown) => reason);
    await expect.poll(() => hanging.given.length).toBe(1);
    await agentOf(new ScriptedModel("B")).invoke(say("Q1b"), config({ replaces }));
    goOn();
    const reason = (await late) as Error;
    expect([ThreadDeletedError.name, ConversationChangedError.name, "ThreadChangedError"]).toContain(reason.name);
    expect(await stored()).toEqual(["Q1b", "B"]);
    expect(texts((await agentOf(new ScriptedModel("C")).invoke(say("Q3"), config())).messages)).toEqual([
      "Q1b",
      "B",
      "Q3",
      "C",
    ]);
  });
});

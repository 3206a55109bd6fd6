// With a checkpointer the agent's state lasts too; the conversation is stored once all the same.
import { type AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { Command, MemorySaver } from "@langchain/langgraph";
import { type AgentMiddleware, createAgent, humanInTheLoopMiddleware, summarizationMiddleware, tool } from "langchain";
import { afterAll, beforeEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import {
  ConversationChangedError,
  SessionMismatchError,
  SessionNotFoundError,
  SessionStore,
  TurnNotStoredError,
} from "langchain-redis-sessions";
import { sessionMiddleware, type SessionMiddlewareOptions } from "langchain-redis-sessions/agents";
import { calling, never, ScriptedModel } from "../support/scripted-model.js";
import { freshId, texts, turn } from "../support/turns.js";
import { client, session, sessions, stored, types } from "./support/sessions.js";

let thread: { thread_id: string };
beforeEach(() => {
  thread = { thread_id: freshId() };
});

const transfer = tool(({ amount }) => `sent ${amount}`, {
  name: "transfer",
  description: "Sends money",
  schema: z.object({ amount: z.number() }),
});

function agentOf(model: ScriptedModel, checkpointer: MemorySaver, options: Partial<SessionMiddlewareOptions> = {}) {
  return createAgent({
    model,
    tools: [transfer],
    checkpointer,
    middleware: [
      sessionMiddleware({ sessions, ...options }),
      // Its types do not hold under exactOptionalPropertyTypes.
      humanInTheLoopMiddleware({ interruptOn: { transfer: true } } as never) as AgentMiddleware,
    ],
  });
}
const approve = new Command({ resume: { decisions: [{ type: "approve" }] } });

describe("turns of one thread", () => {
  test("are stored once each, and the model is given each message once", async () => {
    const model = new ScriptedModel("one", "two", "three");
    const agent = agentOf(model, new MemorySaver());
    for (const messages of ["first", "second", "third"]) {
      await agent.invoke({ messages }, { context: { session }, configurable: thread });
    }
    expect(texts(await stored())).toEqual(["first", "one", "second", "two", "third", "three"]);
    expect(texts(model.given.at(-1) ?? [])).toEqual(["first", "one", "second", "two", "third"]);
  });

  test("know what was stored meanwhile on another way", async () => {
    const model = new ScriptedModel("one", "two");
    const agent = agentOf(model, new MemorySaver());
    await agent.invoke({ messages: "first" }, { context: { session }, configurable: thread });
    await sessions.history(session).addMessages(turn("by hand"));
    await agent.invoke({ messages: "second" }, { context: { session }, configurable: thread });
    expect(texts(model.given.at(-1) ?? [])).toEqual(["first", "one", "by hand", "re: by hand", "second"]);
    expect(texts(await stored())).toEqual(["first", "one", "by hand", "re: by hand", "second", "two"]);
  });

  test("forget what was deleted, and write nothing of it back", async () => {
    const model = new ScriptedModel("one", "two");
    const agent = agentOf(model, new MemorySaver());
    await agent.invoke({ messages: "first" }, { context: { session }, configurable: thread });
    await sessions.conversations.delete(session, session.conversationId);
    await agent.invoke({ messages: "second" }, { context: { session }, configurable: thread });
    expect(texts(model.given.at(-1) ?? [])).toEqual(["second"]);
    expect(texts(await stored())).toEqual(["second", "two"]);
  });

  test("do not reach another conversation of the session", async () => {
    const model = new ScriptedModel("one", "two");
    const agent = agentOf(model, new MemorySaver());
    await agent.invoke({ messages: "first" }, { context: { session }, configurable: thread });
    const moved = await sessions.openConversation(session);
    await agent.invoke({ messages: "second" }, { context: { session: moved }, configurable: thread });
    expect(texts(await sessions.history(moved).getMessages())).toEqual(["second", "two"]);
    expect(texts(model.given.at(-1) ?? [])).toEqual(["second"]);
  });

  test("go on with all that is stored when the window moves on", async () => {
    const windowed = new SessionStore({ client, window: { messages: 2 } });
    const agent = agentOf(new ScriptedModel("yes"), new MemorySaver(), { sessions: windowed });
    const said = ["a", "b", "c", "d", "e"];
    for (const messages of said) await agent.invoke({ messages }, { context: { session }, configurable: thread });
    expect(texts(await stored())).toEqual(said.flatMap((text) => [text, "yes"]));
    await windowed.close();
  });

  test("a turn that was aborted is stored once, and does not spoil the next one", async () => {
    const waiting = tool((_input, { signal }: { signal?: AbortSignal }) => never([], signal), {
      name: "waiting",
      description: "Never comes to an end",
      schema: z.object({}),
    });
    const model = new ScriptedModel(calling(["waiting", {}]), "Fine.");
    const agent = createAgent({
      model,
      tools: [waiting],
      checkpointer: new MemorySaver(),
      middleware: [sessionMiddleware({ sessions })],
    });
    const controller = new AbortController();
    const stream = await agent.stream(
      { messages: "Hi" },
      { context: { session }, configurable: thread, signal: controller.signal, streamMode: "updates" },
    );
    await expect(async () => {
      for await (const update of stream) if ("model_request" in update) controller.abort();
    }).rejects.toThrow(/abort/iu);
    await vi.waitFor(async () => expect(types(await stored())).toEqual(["human", "ai", "tool"]));
    await agent.invoke({ messages: "Still there?" }, { context: { session }, configurable: thread });
    expect(types(await stored())).toEqual(["human", "ai", "tool", "human", "ai"]);
    expect(types(model.given.at(-1) ?? [])).toEqual(["human", "ai", "tool", "human"]);
  });
});

describe("a run that waits for a person", () => {
  test.each(["the same", "another"])("is stored when it has ended, once, in %s process", async (process) => {
    const checkpointer = new MemorySaver();
    const agent = agentOf(new ScriptedModel(calling(["transfer", { amount: 5 }]), "Done."), checkpointer);
    await agent.invoke({ messages: "Send 5" }, { context: { session }, configurable: thread });
    expect(await stored()).toHaveLength(0);
    const resumed = process === "the same" ? agent : agentOf(new ScriptedModel("Done."), checkpointer);
    await resumed.invoke(approve, { context: { session }, configurable: thread });
    expect(texts(await stored())).toEqual(["Send 5", "", "sent 5", "Done."]);
  });

  test("is stored as the person changed it", async () => {
    const agent = agentOf(new ScriptedModel(calling(["transfer", { amount: 5 }]), "Done."), new MemorySaver());
    await agent.invoke({ messages: "Send 5" }, { context: { session }, configurable: thread });
    const edited = { type: "edit", editedAction: { name: "transfer", args: { amount: 3 } } };
    await agent.invoke(new Command({ resume: { decisions: [edited] } }), {
      context: { session },
      configurable: thread,
    });
    const messages = await stored();
    expect(texts(messages)).toEqual(["Send 5", "", "sent 3", "Done."]);
    expect(messages[1]).toMatchObject({ tool_calls: [{ args: { amount: 3 } }] });
  });

  test("can be taken up by another session of the user, not by another user, not once the session has ended", async () => {
    const checkpointer = new MemorySaver();
    const agent = agentOf(new ScriptedModel(calling(["transfer", { amount: 5 }]), "Done."), checkpointer);
    await agent.invoke({ messages: "Send 5" }, { context: { session }, configurable: thread });
    const stranger = await sessions.create({ userId: freshId(), agentId: "assistant" });
    const again = await sessions.create({ userId: session.userId, agentId: "assistant" });
    await sessions.endById(session, session.id);
    await expect(
      agent.invoke(approve, { context: { session: stranger.session }, configurable: thread }),
    ).rejects.toThrow(SessionMismatchError);
    const other = agentOf(new ScriptedModel("Done."), checkpointer);
    await expect(other.invoke(approve, { context: { session }, configurable: thread })).rejects.toThrow(
      SessionNotFoundError,
    );
    await other.invoke(approve, { context: { session: again.session }, configurable: thread });
    const found = await sessions.conversations.messages(session, session.conversationId);
    expect(found.map(({ message }) => message.text)).toEqual(["Send 5", "", "sent 5", "Done."]);
  });

  test("is refused when the conversation was deleted meanwhile, and the answer is not lost", async () => {
    const checkpointer = new MemorySaver();
    await sessions.history(session).addMessages(turn("before"));
    const agent = agentOf(new ScriptedModel(calling(["transfer", { amount: 5 }]), "Done."), checkpointer);
    await agent.invoke({ messages: "Send 5" }, { context: { session }, configurable: thread });
    await sessions.conversations.delete(session, session.conversationId);
    const elsewhere = agentOf(new ScriptedModel("Done."), checkpointer);
    const call = elsewhere.invoke(approve, { context: { session }, configurable: thread });
    await expect(call).rejects.toThrow(TurnNotStoredError);
    await expect(call).rejects.toMatchObject({ cause: expect.any(ConversationChangedError) });
    expect(await stored()).toHaveLength(0);
  });

  test("that is given up is stored with the next turn, its call answered", async () => {
    const model = new ScriptedModel(calling(["transfer", { amount: 5 }]), "Hello.");
    const agent = agentOf(model, new MemorySaver());
    await agent.invoke({ messages: "Send 5" }, { context: { session }, configurable: thread });
    await agent.invoke({ messages: "Never mind. Hi!" }, { context: { session }, configurable: thread });
    expect(types(await stored())).toEqual(["human", "ai", "tool", "human", "ai"]);
    expect(types(model.given.at(-1) ?? [])).toEqual(["human", "ai", "tool", "human"]);
    await agent.invoke({ messages: "And now?" }, { context: { session }, configurable: thread });
    expect(types(await stored())).toEqual(["human", "ai", "tool", "human", "ai", "human", "ai"]);
  });
});

test("a run that waits for a person leaves nothing in a conversation that was deleted and begun again", async () => {
  const agent = agentOf(new ScriptedModel(calling(["transfer", { amount: 5 }]), "Hello."), new MemorySaver());
  await sessions.history(session).addMessages(turn("before"));
  await agent.invoke({ messages: "Send 5" }, { context: { session }, configurable: thread });
  await sessions.conversations.delete(session, session.conversationId);
  await agent.invoke({ messages: "Hi!" }, { context: { session }, configurable: thread });
  expect(texts(await stored())).toEqual(["Hi!", "Hello."]);
});

describe("summarizationMiddleware shortens what the model sees, not what is stored", () => {
  for (const order of ["after", "before"]) {
    for (const kept of ["with", "without"]) {
      test(`listed ${order} sessionMiddleware, ${kept} a checkpointer`, async () => {
        const model = new ScriptedModel(
          calling(["transfer", { amount: 1 }]),
          calling(["transfer", { amount: 2 }], ["transfer", { amount: 3 }]),
          "Done.",
          "Yes.",
          "Really.",
        );
        const summary = new ScriptedModel("what was said");
        const ours = sessionMiddleware({ sessions });
        const options = { model: summary, trigger: { messages: 2 }, keep: { messages: 1 } };
        const theirs = summarizationMiddleware(options as never) as AgentMiddleware;
        const agent = createAgent({
          model,
          tools: [transfer],
          ...(kept === "with" && { checkpointer: new MemorySaver() }),
          middleware: order === "after" ? [ours, theirs] : [theirs, ours],
        });
        for (const said of ["Send 1, then 2 and 3", "Sure?", "Really?"]) {
          await agent.invoke({ messages: new HumanMessage(said) }, { context: { session }, configurable: thread });
        }
        expect(texts(await stored())).toEqual([
          "Send 1, then 2 and 3",
          "",
          "sent 1",
          "",
          "sent 2",
          "sent 3",
          "Done.",
          "Sure?",
          "Yes.",
          "Really?",
          "Really.",
        ]);
        expect(summary.given.length).toBeGreaterThan(0);
      });
    }
  }
});

describe("what summarizationMiddleware costs in 20 turns", () => {
  /** How many messages each of its calls of the model was to sum up. */
  async function calls(checkpointer: MemorySaver | undefined): Promise<number[]> {
    const summary = new ScriptedModel("what was said");
    const options = { model: summary, trigger: { messages: 12 }, keep: { messages: 4 } };
    const agent = createAgent({
      model: new ScriptedModel("Yes."),
      tools: [],
      ...(checkpointer && { checkpointer }),
      middleware: [sessionMiddleware({ sessions }), summarizationMiddleware(options as never) as AgentMiddleware],
    });
    for (let index = 0; index < 20; index += 1) {
      const messages = new HumanMessage(`Question ${index}`);
      await agent.invoke({ messages }, { context: { session }, configurable: thread });
    }
    expect(await stored()).toHaveLength(40);
    return summary.given.map((given) => texts(given).join().split("Question").length - 1);
  }

  test("with a checkpointer: a few short calls, as the summary is a part of the thread", async () => {
    const lengths = await calls(new MemorySaver());
    expect(lengths.length).toBeLessThanOrEqual(5);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(6);
  });

  test("without one: a call in each turn from the trigger on, each longer than the one before (docs/turns.md)", async () => {
    const lengths = await calls(undefined);
    expect(lengths.length).toBe(14);
    expect(lengths).toEqual(lengths.toSorted((one, other) => one - other));
    expect(lengths.at(-1)).toBeGreaterThan(15);
  });
});

describe("a message that can never be stored fails its own turn, and no later one", () => {
  const huge = tool(() => "x".repeat(20_000), { name: "huge", description: "Answers at length", schema: z.object({}) });
  const bounded = new SessionStore({ client, maxMessageBytes: 10_000, maxMessages: 8 });
  const failed = { code: "TURN_NOT_STORED", cause: { code: "INVALID_OPTION" } };
  afterAll(() => bounded.close());

  test.each([
    { persist: "turn", kept: [] },
    { persist: "step", kept: ["first"] },
  ] as const)("a result over maxMessageBytes, stored by the $persist", async ({ persist, kept }) => {
    const model = new ScriptedModel(calling(["huge", {}]), "one", "two", "three");
    const agent = createAgent({
      model,
      tools: [huge],
      checkpointer: new MemorySaver(),
      middleware: [sessionMiddleware({ sessions: bounded, persist })],
    });
    const say = (messages: string): Promise<unknown> =>
      agent.invoke({ messages }, { context: { session }, configurable: thread });
    await expect(say("first")).rejects.toMatchObject(failed);
    await say("second");
    await say("third");
    const answers = persist === "turn" ? ["two", "three"] : ["one", "two"];
    expect(texts(await stored())).toEqual([...kept, "second", answers[0], "third", answers[1]]);
    expect(texts(model.given.at(-1) ?? [])).toEqual([...kept, "second", answers[0], "third"]);
  });

  test("what the user says over maxMessageBytes", async () => {
    const agent = createAgent({
      model: new ScriptedModel("one", "two", "three"),
      tools: [],
      checkpointer: new MemorySaver(),
      middleware: [sessionMiddleware({ sessions: bounded })],
    });
    const say = (messages: string): Promise<unknown> =>
      agent.invoke({ messages }, { context: { session }, configurable: thread });
    await expect(say("x".repeat(20_000))).rejects.toMatchObject(failed);
    await say("second");
    expect(texts(await stored())).toEqual(["second", "two"]);
  });

  test("a result over maxMessageBytes that the caller passes", async () => {
    const agent = createAgent({
      model: new ScriptedModel(calling(["elsewhere", {}]), "two", "three"),
      tools: [],
      checkpointer: new MemorySaver(),
      middleware: [sessionMiddleware({ sessions: bounded })],
    });
    const say = (messages: unknown): Promise<{ messages: BaseMessage[] }> =>
      agent.invoke({ messages: messages as never }, { context: { session }, configurable: thread }) as never;
    const [, asked] = (await say("first")).messages;
    const [call] = (asked as AIMessage).tool_calls ?? [];
    const result = new ToolMessage({ content: "x".repeat(20_000), tool_call_id: String(call?.id) });
    await expect(say([result])).rejects.toMatchObject(failed);
    await say("third");
    expect(texts(await stored())).toEqual(["first", "", "third", "three"]);
  });

  test("more messages than maxMessages keeps", async () => {
    const again = calling(["transfer", { amount: 1 }]);
    const agent = createAgent({
      model: new ScriptedModel(again, again, again, again, "one", "two"),
      tools: [transfer],
      checkpointer: new MemorySaver(),
      middleware: [sessionMiddleware({ sessions: bounded })],
    });
    const say = (messages: string): Promise<unknown> =>
      agent.invoke({ messages }, { context: { session }, configurable: thread });
    await expect(say("first")).rejects.toMatchObject(failed);
    await say("second");
    expect(texts(await stored())).toEqual(["second", "two"]);
  });
});

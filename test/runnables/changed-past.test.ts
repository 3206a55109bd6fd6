// A graph with a checkpointer under RunnableWithSession: a request that is repeated, and a turn that replaces others, begin
// its thread anew from the conversation.
import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import {
  Annotation,
  Command,
  END,
  interrupt,
  MemorySaver,
  messagesStateReducer,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { beforeEach, describe, expect, test } from "vitest";
import { OperationConflictError, PositionNotFoundError, type Session } from "langchain-redis-sessions";
import { SessionSaver } from "langchain-redis-sessions/langgraph";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { calling, ScriptedModel } from "../support/scripted-model.js";
import { sessions } from "../support/session-store.js";
import { freshId, texts } from "../support/turns.js";

const State = Annotation.Root({
  messages: Annotation<BaseMessage[]>({ reducer: messagesStateReducer, default: () => [] }),
  /** What a thread keeps beside its messages. */
  asked: Annotation<number>({ reducer: (before, more) => before + more, default: () => 0 }),
});
type Values = typeof State.State;
type Graph = RunnableWithSession<{ messages: BaseMessage[] } | Command, Values>;

let session: Session;
beforeEach(async () => {
  ({ session } = await sessions.create({ userId: freshId(), agentId: "support" }));
});
const stored = async (): Promise<string[]> => texts(await sessions.history(session).getMessages());
const positions = async (): Promise<string[]> =>
  (await sessions.conversations.messages(session, session.conversationId)).map(({ position }) => position);

const savers = { MemorySaver: () => new MemorySaver(), SessionSaver: () => new SessionSaver({ sessions }) };

describe.each(Object.entries(savers))("with %s", (_name, makeSaver) => {
  let saver: ReturnType<typeof makeSaver>;
  beforeEach(() => {
    saver = makeSaver();
  });

  /** Asks a model, and a person before each tool that the model calls. */
  const over = (model: ScriptedModel): Graph => {
    const graph = new StateGraph(State)
      .addNode("model", async ({ messages }: Values) => ({ messages: [await model.invoke(messages)], asked: 1 }))
      .addNode("tools", ({ messages }: Values) => {
        const [call] = messages.findLast((message) => AIMessage.isInstance(message))?.tool_calls ?? [];
        const content = `${call?.name}: ${String(interrupt("May I?"))}`;
        return { messages: [new ToolMessage({ content, tool_call_id: call?.id ?? "" })] };
      })
      .addEdge(START, "model")
      .addConditionalEdges("model", ({ messages }: Values) =>
        (messages.at(-1) as AIMessage).tool_calls?.length ? "tools" : END,
      )
      .addEdge("tools", "model")
      .compile({ checkpointer: saver });
    return new RunnableWithSession({
      runnable: graph as never,
      sessions,
      inputMessagesKey: "messages",
      outputMessagesKey: "messages",
    });
  };
  const call = (turn: { operationId?: string; replaces?: string | undefined } = {}) => ({
    configurable: { session, thread_id: session.conversationId, ...turn },
  });
  const say = (text: string, id?: string): { messages: BaseMessage[] } => ({
    messages: [new HumanMessage({ content: text, ...(id === undefined ? {} : { id }) })],
  });

  test("a request that failed twice is stored once, and the model is shown its question once", async () => {
    const model = new ScriptedModel("Hello.", new Error("no"), new Error("no"), "Done.", "Bye.");
    const chain = over(model);
    await chain.invoke(say("Hi"), call());
    const turn = call({ operationId: "request-2" });
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(chain.invoke(say("Go"), turn)).rejects.toThrow("no");
      expect(await stored()).toEqual(["Hi", "Hello.", "Go"]);
    }
    await chain.invoke(say("Go"), turn);
    expect(texts(model.given[3] ?? [])).toEqual(["Hi", "Hello.", "Go"]);
    await expect(chain.invoke(say("Go"), turn)).rejects.toBeInstanceOf(OperationConflictError);
    await chain.invoke(say("Thanks"), call());
    expect(texts(model.given[4] ?? [])).toEqual(["Hi", "Hello.", "Go", "Done.", "Thanks"]);
    expect(await stored()).toEqual(["Hi", "Hello.", "Go", "Done.", "Thanks", "Bye."]);
  });

  test("a request whose process was gone before anything was stored is asked again without what its thread kept", async () => {
    const hanging = new ScriptedModel(() => new Promise(() => {}));
    const turn = call({ operationId: "request-1" });
    void over(hanging)
      .invoke(say("Go"), turn)
      .catch(() => {});
    await expect.poll(() => hanging.given.length).toBe(1);
    const model = new ScriptedModel("Done.");
    await over(model).invoke(say("Go"), turn);
    expect(texts(model.given[0] ?? [])).toEqual(["Go"]);
    expect(await stored()).toEqual(["Go", "Done."]);
  });

  test("a request whose turn could not be stored is asked again without its answer, which its thread kept", async () => {
    const model = new ScriptedModel(async () => {
      await sessions.history(session).clear();
      return new AIMessage("lost");
    }, "Done.");
    const turn = call({ operationId: "request-1" });
    await expect(over(model).invoke(say("Go"), turn)).rejects.toBeInstanceOf(Error);
    await over(model).invoke(say("Go"), turn);
    expect(texts(model.given[1] ?? [])).toEqual(["Go"]);
    expect(await stored()).toEqual(["Go", "Done."]);
  });

  test("an edited question replaces the old one and everything behind it, and the thread begins again", async () => {
    const model = new ScriptedModel("A1", "A2", "A3", "A2b", "A4");
    const chain = over(model);
    for (const number of [1, 2, 3]) await chain.invoke(say(`Q${number}`), call());
    const replaces = (await positions())[2];
    const { messages, asked } = await chain.invoke(say("Q2b"), call({ replaces }));
    expect(texts(model.given[3] ?? [])).toEqual(["Q1", "A1", "Q2b"]);
    expect([texts(messages), asked]).toEqual([["Q1", "A1", "Q2b", "A2b"], 1]);
    await chain.invoke(say("Q4"), call());
    expect(texts(model.given[4] ?? [])).toEqual(["Q1", "A1", "Q2b", "A2b", "Q4"]);
    expect(await stored()).toEqual(["Q1", "A1", "Q2b", "A2b", "Q4", "A4"]);
    await expect(chain.invoke(say("Q5"), call({ replaces }))).rejects.toBeInstanceOf(PositionNotFoundError);
  });

  test("a pause is given up when its question is edited, and an edited turn that pauses is resumed", async () => {
    const model = new ScriptedModel("A1", calling(["old", {}]), calling(["new", {}]), "Done.", "A3");
    const chain = over(model);
    await chain.invoke(say("Q1"), call());
    await chain.invoke(say("Q2"), call());
    expect(await stored()).toEqual(["Q1", "A1", "Q2"]);
    await chain.invoke(say("Q2b"), call({ replaces: (await positions())[2] }));
    expect(texts(model.given[2] ?? [])).toEqual(["Q1", "A1", "Q2b"]);
    expect(await stored()).toEqual(["Q1", "A1", "Q2b"]);
    await chain.invoke(new Command({ resume: "yes" }), call());
    expect(await stored()).toEqual(["Q1", "A1", "Q2b", "", "new: yes", "Done."]);
    await chain.invoke(say("Q3"), call());
    expect(texts(model.given[4] ?? [])).toEqual(["Q1", "A1", "Q2b", "", "new: yes", "Done.", "Q3"]);
  });

  test.each([undefined, "question-1"])(
    "a request that is repeated behind other turns is asked once more (id: %s)",
    async (id) => {
      const model = new ScriptedModel(new Error("no"), "B", "A", "C");
      const chain = over(model);
      await expect(chain.invoke(say("Q1", id), call({ operationId: "request-1" }))).rejects.toThrow("no");
      await chain.invoke(say("Q2"), call({ operationId: "request-2" }));
      await chain.invoke(say("Q1", id), call({ operationId: "request-1" }));
      expect(texts(model.given[2] ?? [])).toEqual(["Q1", "Q2", "B", "Q1"]);
      expect(await stored()).toEqual(["Q1", "Q2", "B", "Q1", "A"]);
      await chain.invoke(say("Q3"), call());
      expect(texts(model.given[3] ?? [])).toEqual(["Q1", "Q2", "B", "Q1", "A", "Q3"]);
    },
  );

  test("an edit that fails leaves the conversation as it was", async () => {
    const model = new ScriptedModel("A1", "A2", new Error("no"), "A3");
    const chain = over(model);
    for (const number of [1, 2]) await chain.invoke(say(`Q${number}`), call());
    const replaces = (await positions())[2];
    await expect(chain.invoke(say("Q2b"), call({ replaces }))).rejects.toThrow("no");
    expect(await stored()).toEqual(["Q1", "A1", "Q2", "A2"]);
    await chain.invoke(say("Q3"), call());
    expect(texts(model.given[3] ?? [])).toEqual(["Q1", "A1", "Q2", "A2", "Q3"]);
    expect(await stored()).toEqual(["Q1", "A1", "Q2", "A2", "Q3", "A3"]);
  });
});

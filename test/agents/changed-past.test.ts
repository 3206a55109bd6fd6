// A request that is repeated, and a turn that takes the place of others, with each kind of checkpointer.
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { Command, MemorySaver } from "@langchain/langgraph";
import { type AgentMiddleware, createAgent, humanInTheLoopMiddleware, tool } from "langchain";
import { beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import {
  OperationConflictError,
  PositionNotFoundError,
  type Session,
  SessionStore,
  type StoredMessage,
} from "langchain-redis-sessions";
import { sessionMiddleware, type SessionMiddlewareOptions } from "langchain-redis-sessions/agents";
import { SessionSaver } from "langchain-redis-sessions/langgraph";
import { causeOf, codeOf } from "../past/support/outcomes.js";
import { calling, ScriptedModel } from "../support/scripted-model.js";
import { client, sessions } from "../support/session-store.js";
import { freshId, texts } from "../support/turns.js";

let session: Session;
beforeEach(async () => {
  ({ session } = await sessions.create({ userId: freshId(), agentId: "support" }));
});

const stored = (): Promise<BaseMessage[]> => sessions.history(session).getMessages();
const messages = (): Promise<StoredMessage[]> => sessions.conversations.messages(session, session.conversationId);
const positions = async (): Promise<string[]> => (await messages()).map(({ position }) => position);
/** The texts that a run returns, or the codes of its error and of the cause of that. */
const outcome = (run: Promise<{ messages: BaseMessage[] }>): Promise<string[]> =>
  run.then(
    (state) => texts(state.messages),
    (error: unknown) => [codeOf(error), causeOf(error)],
  );
const look = tool(({ at }: { at: string }) => `saw ${at}`, {
  name: "look",
  description: "Looks at something",
  schema: z.object({ at: z.string() }),
});

const savers = {
  "no checkpointer": () => undefined,
  MemorySaver: () => new MemorySaver(),
  SessionSaver: () => new SessionSaver({ sessions }),
};
type Asked = Partial<SessionMiddlewareOptions> & { asks?: boolean };

describe.each(["turn", "step"] as const)("persist: %s", (persist) => {
  describe.each(Object.entries(savers))("with %s", (name, makeSaver) => {
    let checkpointer: ReturnType<typeof makeSaver>;
    beforeEach(() => {
      checkpointer = makeSaver();
    });

    const agentOf = (model: ScriptedModel, { asks = false, ...options }: Asked = {}) =>
      createAgent({
        model,
        tools: [look],
        ...(checkpointer && { checkpointer }),
        middleware: [
          sessionMiddleware({ sessions, persist, ...options }),
          humanInTheLoopMiddleware({ interruptOn: asks ? { look: true } : {} } as never) as AgentMiddleware,
        ],
      });
    const call = (turn: { operationId?: string; replaces?: string | undefined } = {}) => ({
      context: { session, ...turn },
      configurable: { thread_id: session.conversationId },
    });
    const thread = () => ({ configurable: { thread_id: session.conversationId, session } });
    const say = (text: string, id?: string): { messages: HumanMessage[] } => ({
      messages: [new HumanMessage({ content: text, ...(id === undefined ? {} : { id }) })],
    });

    /** Asks what a person has to approve, and is aborted as soon as that is known. */
    const askAndAbort = async (agent: ReturnType<typeof agentOf>): Promise<void> => {
      const controller = new AbortController();
      const stream = await agent.stream(say("Go"), { ...call(), signal: controller.signal, streamMode: "updates" });
      const reading = (async () => {
        for await (const update of stream) if ("__interrupt__" in update) controller.abort();
      })();
      await reading.catch(() => {});
      // What LangGraph had under way is stored.
      await expect.poll(async () => (await agent.graph.getState(thread())).tasks.at(0)?.interrupts.length).toBe(1);
      await expect.poll(async () => (await stored()).map(({ type }) => type)).toEqual(["human", "ai", "tool"]);
    };

    test.each(["without an id", "with the id that it had"])(
      "a question %s that failed twice is stored once, and the model is shown it once",
      async (how) => {
        const id = how === "without an id" ? undefined : "question-2";
        const failing = calling(["look", { at: "a" }]);
        const model = new ScriptedModel("Hello.", failing, new Error("no"), failing, new Error("no"), "Done.", "Bye.");
        const agent = agentOf(model);
        await agent.invoke(say("Hi", "question-1"), call());
        const turn = call({ operationId: "request-2" });
        for (let attempt = 0; attempt < 2; attempt++) {
          await expect(agent.invoke(say("Go", id), turn)).rejects.toThrow("no");
          await expect.poll(async () => texts(await stored())).toEqual(["Hi", "Hello.", "Go", "", "saw a"]);
        }
        await agent.invoke(say("Go", id), turn);
        expect(texts(model.given[5] ?? [])).toEqual(["Hi", "Hello.", "Go"]);
        expect(texts(await stored())).toEqual(["Hi", "Hello.", "Go", "Done."]);
        await agent.invoke(say("Thanks"), call());
        expect(texts(model.given[6] ?? [])).toEqual(["Hi", "Hello.", "Go", "Done.", "Thanks"]);
        expect(texts(await stored())).toEqual(["Hi", "Hello.", "Go", "Done.", "Thanks", "Bye."]);
        await expect(agent.invoke(say("Go", id), turn)).rejects.toBeInstanceOf(OperationConflictError);
        expect(texts(await stored())).toHaveLength(6);
      },
    );

    test("what is said again in the next turn is not taken for a repeated request", async () => {
      const model = new ScriptedModel("Hello.", "Yes?");
      const agent = agentOf(model);
      await agent.invoke(say("Hi"), call({ operationId: "request-1" }));
      await agent.invoke({ messages: [...say("Hi").messages, ...say("There?").messages] }, call());
      expect(texts(await stored())).toEqual(["Hi", "Hello.", "Hi", "There?", "Yes?"]);
    });

    test.each(["with a new id", "with the id that it had"])(
      "an edited question %s takes the place of the old one and of all behind it",
      async (how) => {
        const model = new ScriptedModel("A1", "A2", "A3", "A2b", "A4");
        const agent = agentOf(model);
        for (const number of [1, 2, 3]) await agent.invoke(say(`Q${number}`, `question-${number}`), call());
        const replaces = (await positions())[2];
        const id = how === "with a new id" ? "question-2b" : "question-2";
        const state = await agent.invoke(say("Q2b", id), call({ replaces }));
        expect(texts(model.given[3] ?? [])).toEqual(["Q1", "A1", "Q2b"]);
        expect(texts(state.messages)).toEqual(["Q1", "A1", "Q2b", "A2b"]);
        expect(texts(await stored())).toEqual(["Q1", "A1", "Q2b", "A2b"]);
        await agent.invoke(say("Q4"), call());
        expect(texts(model.given[4] ?? [])).toEqual(["Q1", "A1", "Q2b", "A2b", "Q4"]);
        expect(texts(await stored())).toEqual(["Q1", "A1", "Q2b", "A2b", "Q4", "A4"]);
        await expect(agent.invoke(say("Q5"), call({ replaces }))).rejects.toBeInstanceOf(PositionNotFoundError);
      },
    );

    test.runIf(name === "MemorySaver")(
      "a thread goes on behind an edit with all that it has, whatever a window hides",
      async () => {
        const windowed = new SessionStore({ client, window: { messages: 2 } });
        const model = new ScriptedModel("A1", "A2", "A2b", "A3");
        const agent = agentOf(model, { sessions: windowed });
        for (const text of ["Q1", "Q2"]) await agent.invoke(say(text), call());
        await agent.invoke(say("Q2b"), call({ replaces: (await positions())[2] }));
        await agent.invoke(say("Q3"), call());
        expect(texts(model.given[3] ?? [])).toEqual(["Q1", "A1", "Q2b", "A2b", "Q3"]);
        expect(texts(await stored())).toEqual(["Q1", "A1", "Q2b", "A2b", "Q3", "A3"]);
        await windowed.close();
      },
    );

    test("an edit that fails leaves what was there, and succeeds when it is made again", async () => {
      const model = new ScriptedModel("A1", calling(["look", { at: "a" }]), new Error("no"), "A1b");
      const agent = agentOf(model);
      await agent.invoke(say("Q1"), call());
      const turn = call({ replaces: (await positions())[0], operationId: "edit-1" });
      await expect(agent.invoke(say("Q1b"), turn)).rejects.toThrow("no");
      expect(texts(await stored())).toEqual(["Q1", "A1"]);
      await agent.invoke(say("Q1b"), turn);
      expect(texts(model.given[3] ?? [])).toEqual(["Q1b"]);
      expect(texts(await stored())).toEqual(["Q1b", "A1b"]);
    });

    test.each(["with a new id", "with the id that it had"])(
      "an edit %s that broke off leaves nothing to the turn after it",
      async (how) => {
        const model = new ScriptedModel("A1", calling(["look", { at: "a" }]), new Error("no"), "A3");
        const agent = agentOf(model);
        await agent.invoke(say("Q1", "question-1"), call());
        const id = how === "with a new id" ? "question-1b" : "question-1";
        const turn = call({ replaces: (await positions())[0] });
        await expect(agent.invoke(say("Q1b", id), turn)).rejects.toThrow("no");
        await agent.invoke(say("Q3"), call());
        expect(texts(model.given[3] ?? [])).toEqual(["Q1", "A1", "Q3"]);
        expect(texts(await stored())).toEqual(["Q1", "A1", "Q3", "A3"]);
      },
    );

    test("an edit is not stored once the conversation has changed, and neither is a turn that read what was edited", async () => {
      await agentOf(new ScriptedModel("A1")).invoke(say("Q1"), call());
      const [replaces] = await positions();
      const edited = new ScriptedModel(async () => {
        await sessions.history(session).addMessages([new HumanMessage("meanwhile")]);
        return new AIMessage("A1b");
      });
      checkpointer = makeSaver();
      const tooLate = agentOf(edited).invoke(say("Q1b"), call({ replaces }));
      expect(await outcome(tooLate)).toEqual(["TURN_NOT_STORED", "CONVERSATION_CHANGED"]);
      expect(texts(await stored())).toEqual(["Q1", "A1", "meanwhile"]);

      const old = new ScriptedModel(async () => {
        checkpointer = undefined;
        await agentOf(new ScriptedModel("A1c")).invoke(say("Q1c"), call({ replaces }));
        return new AIMessage("A2");
      });
      checkpointer = makeSaver();
      const outdated = agentOf(old).invoke(say("Q2"), call());
      expect(await outcome(outdated)).toEqual(["TURN_NOT_STORED", "CONVERSATION_CHANGED"]);
      expect(texts(await stored())).toEqual(["Q1c", "A1c"]);
    });

    test("a run that hangs behind its question gives way to the one that is asked again", async () => {
      let goOn = (): void => {};
      const hanging = new ScriptedModel(async () => {
        await new Promise<void>((resolve) => (goOn = resolve));
        return new AIMessage("too late");
      });
      const turn = call({ operationId: "request-1" });
      const agent = agentOf(hanging);
      const late = outcome(agent.invoke(say("Go"), turn));
      await expect.poll(() => hanging.given.length).toBe(1);
      // What LangGraph had under way is stored.
      if (checkpointer)
        await expect.poll(async () => (await agent.graph.getState(thread())).next).toEqual(["model_request"]);
      checkpointer = name === "SessionSaver" ? checkpointer : makeSaver();
      await agentOf(new ScriptedModel("Done.")).invoke(say("Go"), turn);
      goOn();
      expect(await late).toEqual(["TURN_NOT_STORED", "OPERATION_CONFLICT"]);
      expect(texts(await stored())).toEqual(["Go", "Done."]);
    });

    test.runIf(name !== "no checkpointer")(
      "a run that waits for a person, and is interrupted meanwhile, goes on when it is approved",
      async () => {
        const model = new ScriptedModel(calling(["look", { at: "a" }]), "Done.", "Hello.");
        const agent = agentOf(model, { asks: true });
        await askAndAbort(agent);
        expect((await stored()).at(-1)?.text).toContain("interrupted");
        await agent.invoke(new Command({ resume: { decisions: [{ type: "approve" }] } }), call());
        expect(texts(await stored())).toEqual(["Go", "", "saw a", "Done."]);
        await agent.invoke(say("Hi"), call());
        expect(texts(model.given.at(-1) ?? [])).toEqual(["Go", "", "saw a", "Done.", "Hi"]);
      },
    );

    test.runIf(name !== "no checkpointer")(
      "a run that is approved after other turns has its real result stored, and shown behind its call",
      async () => {
        const model = new ScriptedModel(calling(["look", { at: "a" }]), "Done.", "Hello.");
        const agent = agentOf(model, { asks: true });
        await askAndAbort(agent);
        await sessions.history(session).addMessages([new HumanMessage("meanwhile"), new AIMessage("Yes?")]);
        await agent.invoke(new Command({ resume: { decisions: [{ type: "approve" }] } }), call());
        expect(texts(await stored()).slice(3)).toEqual(["meanwhile", "Yes?", "saw a", "Done."]);
        await agent.invoke(say("Hi"), call());
        expect(texts(model.given.at(-1) ?? []).slice(0, 3)).toEqual(["Go", "", "saw a"]);
      },
    );

    test.runIf(name !== "no checkpointer")(
      "a run that waits for a person is refused once what it read was rewound",
      async () => {
        const model = new ScriptedModel("A1", calling(["look", { at: "a" }]), "Done.", "A2");
        const agent = agentOf(model, { asks: true });
        await agent.invoke(say("Q1"), call());
        await agent.invoke(say("Q2"), call());
        const [, answer] = await positions();
        expect(answer).toBeDefined();
        await sessions.history(session).addMessages([new HumanMessage("Q3")]);
        await sessions.conversations.rewind(session, session.conversationId, {
          before: (await positions()).at(-1) ?? "",
        });
        const before = await messages();
        const approved = agent.invoke(new Command({ resume: { decisions: [{ type: "approve" }] } }), call());
        // The thread of our saver was removed with what was rewound: there is no pause to go on from.
        const refusal = ["TURN_NOT_STORED", "CONVERSATION_CHANGED"];
        expect(await outcome(approved)).toEqual(name === "SessionSaver" ? [] : refusal);
        expect(await messages()).toEqual(before);
        await agent.invoke(say("Q4"), call());
        expect(texts(await stored()).slice(before.length)).toEqual(["Q4", expect.any(String)]);
      },
    );
  });
});

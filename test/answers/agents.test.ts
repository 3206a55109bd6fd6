// P14: sessionMiddleware goes on with an answer in flight.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { MemorySaver } from "@langchain/langgraph";
import { createAgent, tool } from "langchain";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { sessionMiddleware, type SessionMiddlewareOptions } from "langchain-redis-sessions/agents";
import { SessionSaver } from "langchain-redis-sessions/langgraph";
import { lines } from "../runnables/support/conversation.js";
import { calling, hanging, ScriptedModel } from "../support/scripted-model.js";
import { client } from "../support/session-store.js";
import { Answering, heard, reason } from "./support/answering.js";

let user: Answering;
beforeEach(async () => {
  user = await Answering.on(client);
});
afterEach(() => user.close());

const add = tool(({ a, b }) => String(a + b), { name: "add", schema: z.object({ a: z.number(), b: z.number() }) });
type Saver = MemorySaver | SessionSaver | undefined;
const savers: Record<string, () => Saver> = {
  "no checkpointer": () => undefined,
  "a MemorySaver": () => new MemorySaver(),
  "a SessionSaver": () => new SessionSaver({ sessions: user.store }),
};
const agentOf = (model: ScriptedModel, checkpointer: Saver, options: Partial<SessionMiddlewareOptions> = {}) =>
  createAgent({
    model,
    tools: [add],
    middleware: [sessionMiddleware({ sessions: user.store, ...options })],
    ...(checkpointer && { checkpointer }),
  });
const configurable = () => ({ session: user.session, thread_id: user.id });
const hi = () => ({ messages: [new HumanMessage("Hi")] });
const types = (stored: readonly string[]) => stored.map((line) => line.split(/!?:/)[0]);
const turn = ["human: Hi", "ai: ", "tool: 3", "ai: Three."];

const modes = ["invoke", "messages", "updates", "values"] as const;
const cases = Object.entries(savers).flatMap(([saver, open]) =>
  (["turn", "step"] as const).flatMap((persist) => modes.map((mode) => ({ saver, open, persist, mode }))),
);

test.each(cases)(
  "with $saver, persist $persist, $mode: one question, one turn, one end",
  async ({ open, persist, mode }) => {
    await user.store.history(user.session).addMessages([new HumanMessage("Ada here"), new AIMessage("Hello Ada")]);
    const model = new ScriptedModel(calling(["add", { a: 1, b: 2 }]), "Three.");
    const agent = agentOf(model, open(), { persist });
    const before = ["human: Ada here", "ai: Hello Ada"];
    const answer = await user.begin();
    expect(await user.stored()).toEqual([...before, "human: Hi"]);
    const config = { context: { session: user.session, answer }, configurable: configurable() };
    if (mode === "invoke") await agent.invoke(hi(), config);
    else {
      for await (const _chunk of await agent.stream(hi(), { ...config, streamMode: mode })) answer.send("chunk");
    }
    expect(model.given.map(lines)).toEqual([
      [...before, "human: Hi"],
      [...before, "human: Hi", "ai: ", "tool: 3"],
    ]);
    expect(await user.stored()).toEqual([...before, ...turn]);
    expect(await user.answers.current()).toBeUndefined();
    await answer.close();
    expect((await heard(user.answers)).at(-1)).toEqual({ end: "stored" });
    expect(await reason(user.begin())).toMatchObject({ code: "OPERATION_CONFLICT" });
  },
);

describe.each(Object.entries(savers))("with %s", (_, open) => {
  test.each(["turn", "step"] as const)(
    "a failed request that is repeated is one turn, with persist %s",
    async (persist) => {
      const saver = open();
      for (let round = 0; round < 2; round++) {
        const model = new ScriptedModel(calling(["add", { a: 1, b: 2 }]), new Error("out of order"));
        const answer = await user.begin();
        const run = agentOf(model, saver, { persist }).invoke(hi(), {
          context: { session: user.session, answer },
          configurable: configurable(),
        });
        expect(String(await reason(run))).toContain("out of order");
        await answer.close();
        expect(await heard(user.answers)).toEqual([{ end: "interrupted" }]);
        expect(types(await user.stored())).toEqual(["human", "ai", "tool"]);
        expect(model.given.map(lines)[0]).toEqual(["human: Hi"]);
        expect(await user.answers.current()).toMatchObject({ operationId: "one", state: "interrupted" });
      }
      const model = new ScriptedModel(calling(["add", { a: 1, b: 2 }]), "Three.");
      const answer = await user.begin();
      await agentOf(model, saver, { persist }).invoke(hi(), {
        context: { session: user.session, answer },
        configurable: configurable(),
      });
      await answer.close();
      expect(model.given.map(lines)[0]).toEqual(["human: Hi"]);
      expect(await user.stored()).toEqual(turn);
    },
  );

  test("the input may be left out, and a second turn follows the first", async () => {
    const saver = open();
    for (const [index, text] of ["Hi", "And you?"].entries()) {
      const answer = await user.begin(String(index), { input: text });
      const model = new ScriptedModel(`re: ${text}`);
      const config = { context: { session: user.session, answer }, configurable: configurable() };
      await agentOf(model, saver).invoke({ messages: index === 0 ? [] : [new HumanMessage(text)] }, config);
      await answer.close();
      expect(lines(model.given[0] ?? []).filter((line) => line.startsWith("human"))).toEqual(
        ["human: Hi", "human: And you?"].slice(0, index + 1),
      );
    }
    expect(await user.stored()).toEqual(["human: Hi", "ai: re: Hi", "human: And you?", "ai: re: And you?"]);
  });

  test.each(["turn", "step"] as const)(
    "a stop ends the model, and keeps what it said, with persist %s",
    async (persist) => {
      const model = hanging(["Hel", "lo"]);
      const answer = await user.begin();
      const { answers } = await user.elsewhere();
      const run = (async () => {
        let count = 0;
        const stream = await agentOf(model, open(), { persist }).stream(hi(), {
          context: { session: user.session, answer },
          configurable: configurable(),
          streamMode: "messages",
        });
        for await (const _chunk of stream) if (++count === 2) await answers.stop();
      })();
      const error = await reason(run);
      expect((error as Error).cause ?? error).toMatchObject({ code: "ANSWER_STOPPED", reason: "stop" });
      await answer.close();
      expect(model.stopped).toBe(true);
      expect(await user.stored()).toEqual(["human: Hi", "ai!: Hello"]);
      expect(await heard(answers)).toEqual([{ end: "stopped" }]);
      // The next turn is an ordinary one.
      const next = await user.begin("two", { input: "Again" });
      const then = new ScriptedModel("Yes?");
      await agentOf(then, open()).invoke(
        { messages: [] },
        {
          context: { session: user.session, answer: next },
          configurable: configurable(),
        },
      );
      await next.close();
      expect(await user.stored()).toEqual(["human: Hi", "ai!: Hello", "human: Again", "ai: Yes?"]);
    },
  );
});

test.each(["keep", "discard"] as const)("with onInterrupt %s the question of begin stays", async (onInterrupt) => {
  for (const persist of ["turn", "step"] as const) {
    const another = await Answering.on(client);
    const answer = await another.begin();
    const middleware = [sessionMiddleware({ sessions: another.store, persist, onInterrupt })];
    const model = new ScriptedModel(calling(["add", { a: 1, b: 2 }]), new Error("out of order"));
    const agent = createAgent({ model, tools: [add], middleware });
    await reason(agent.invoke(hi(), { context: { session: another.session, answer } }));
    await answer.close();
    expect(types(await another.stored())).toEqual(onInterrupt === "keep" ? ["human", "ai", "tool"] : ["human"]);
    expect(await heard(another.answers)).toEqual([{ end: "interrupted" }]);
    const current = await another.answers.current();
    expect(current).toMatchObject({ operationId: "one", state: "interrupted" });
    expect(current?.question.map(({ text }) => text)).toEqual(["Hi"]);
    await another.close();
  }
});

// P14: a later request stops the turn that runs, in whatever process, and follows it.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { createAgent, tool } from "langchain";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { z } from "zod";
import { type Session, SessionStore } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { closingIn } from "../support/closing.js";
import { calling, hanging, ScriptedModel } from "../support/scripted-model.js";
import { client } from "../support/session-store.js";
import { Answering, heard, reason } from "./support/answering.js";

const { keep } = closingIn(afterEach);
const { single } = inject("servers");
let user: Answering;
beforeEach(async () => {
  user = await Answering.on(client);
});
afterEach(() => user.close());

type Concurrency = "interrupt" | "reject" | "wait" | "allow";
interface Place {
  readonly store: SessionStore;
  readonly session: Session;
}
type Run = (place: Place, model: ScriptedModel, text: string, concurrency?: Concurrency) => Promise<unknown>;

const kinds: Record<string, Run> = {
  "a runnable": async ({ store, session }, runnable, text, concurrency = "interrupt") => {
    const chain = new RunnableWithSession({ runnable, sessions: store, concurrency, waitFor: 20 });
    for await (const _chunk of await chain.stream(text, { configurable: { session } }));
  },
  "an agent": async ({ store, session }, model, text, concurrency = "interrupt") => {
    const middleware = [sessionMiddleware({ sessions: store, concurrency, waitFor: 20 })];
    const agent = createAgent({ model, tools: [], middleware });
    const call = agent.stream({ messages: [new HumanMessage(text)] }, { context: { session }, streamMode: "messages" });
    for await (const _chunk of await call);
  },
};
/** The error, as langchain passes it on. */
const thrown = async (work: Promise<unknown>): Promise<unknown> => {
  const error = await reason(work);
  return (error as Error | undefined)?.cause ?? error;
};
const superseded = { code: "ANSWER_STOPPED", reason: "superseded" };
const started = (model: ScriptedModel) => expect.poll(() => model.given.length).toBe(1);

describe.each(Object.entries(kinds))('%s with concurrency "interrupt"', (_, run) => {
  test("stops the turn that runs in another store; its part is kept, and the new one is shown it", async () => {
    const other = await user.elsewhere(keep(new Redis(single)));
    const hangs = hanging(["Hel", "lo"]);
    const first = thrown(run(other, hangs, "Hi"));
    await started(hangs);
    const model = new ScriptedModel("Yes?");
    await run(user, model, "Stop that");
    expect(await first).toMatchObject(superseded);
    expect(await user.stored()).toEqual(["human: Hi", "ai!: Hello", "human: Stop that", "ai: Yes?"]);
    expect(model.given[0]?.map(({ text }) => text)).toEqual(["Hi", "Hello", "Stop that"]);
  });

  test("stops an answer in flight, whose followers hear that it was superseded", async () => {
    const answer = await user.begin();
    answer.send("Hel");
    const followed = heard((await user.elsewhere()).answers);
    const hangs = hanging(["Hel", "lo"]);
    const chain = new RunnableWithSession({ runnable: hangs, sessions: user.store });
    const stream = async (): Promise<void> => {
      try {
        for await (const _chunk of await chain.stream("Hi", { configurable: { session: user.session, answer } }));
      } finally {
        await answer.close();
      }
    };
    const first = thrown(stream());
    await started(hangs);
    await run(await user.elsewhere(), new ScriptedModel("Yes?"), "Stop that");
    expect(await first).toMatchObject(superseded);
    expect(await followed).toEqual(["Hel", { end: "superseded" }]);
    expect(await user.stored()).toEqual(["human: Hi", "ai!: Hello", "human: Stop that", "ai: Yes?"]);
    expect(await user.answers.current()).toBeUndefined();
  });

  test("in a chain of five the newest runs, and the others get a typed error and leave nothing", async () => {
    const hangs = hanging(["Hel"], "deaf");
    const first = thrown(run(user, hangs, "Hi"));
    await started(hangs);
    const models = ["1", "2", "3", "4", "5"].map((text) => new ScriptedModel(`re: ${text}`));
    const places = await Promise.all(models.map(async () => user.elsewhere()));
    const outcomes = await Promise.all(
      models.map((model, index) => thrown(run(places[index] ?? user, model, String(index + 1)))),
    );
    expect(await first).toMatchObject(superseded);
    const winners = outcomes.flatMap((outcome, index) => (outcome === undefined ? [index + 1] : []));
    for (const outcome of outcomes) if (outcome !== undefined) expect(outcome).toMatchObject(superseded);
    expect(winners.length).toBeGreaterThan(0);
    const stored = await user.stored();
    expect(stored.slice(0, 2)).toEqual(["human: Hi", "ai!: Hel"]);
    // Nothing but whole turns of winners, in whatever order, and what a winner had that was superseded in its turn.
    const questions = stored.slice(2).filter((line) => line.startsWith("human"));
    expect(new Set(questions).size).toBe(questions.length);
    expect(stored.at(-1)).toBe(`ai: ${stored.at(-2)?.replace("human", "re")}`);
  });

  test.each(["wait", "reject"] as const)("stops a turn with concurrency %s, too", async (concurrency) => {
    const hangs = hanging(["Hel"]);
    const first = thrown(run(await user.elsewhere(), hangs, "Hi", concurrency));
    await started(hangs);
    const waiting = concurrency === "wait" ? run(user, new ScriptedModel("Later"), "And then", "wait") : undefined;
    if (concurrency === "reject") {
      expect(await thrown(run(user, new ScriptedModel("no"), "Busy?", "reject"))).toMatchObject({
        code: "CONVERSATION_BUSY",
      });
    }
    await run(user, new ScriptedModel("Yes?"), "Stop that");
    expect(await first).toMatchObject(superseded);
    await waiting;
    const later = waiting === undefined ? [] : ["human: And then", "ai: Later"];
    expect(await user.stored()).toEqual(["human: Hi", "ai!: Hel", "human: Stop that", "ai: Yes?", ...later]);
  });
});

describe("begin({ supersede })", () => {
  test("stops the answer that runs, waits for its end, and follows it", async () => {
    const answer = await user.begin();
    answer.signal.addEventListener("abort", () => void answer.close());
    answer.send("Hel");
    const next = await (await user.elsewhere()).answers.begin({ operationId: "two", input: "Else", supersede: true });
    expect(answer.signal.reason).toMatchObject(superseded);
    await next.store([new AIMessage("Fine")]);
    await next.close();
    expect(await user.stored()).toEqual(["human: Hi", "human: Else", "ai: Fine"]);
    expect(await heard(user.answers, { after: `${answer.begun.run}-1` })).toEqual([{ end: "superseded" }]);
  });

  test("never stops a run of its own operation id", async () => {
    const answer = await user.begin();
    const error = await reason(user.begin("one", { supersede: true }));
    expect(error).toMatchObject({ code: "CONVERSATION_BUSY", operationId: "one" });
    expect(await client.exists(user.keys.answer(user.id).stop)).toBe(0);
    expect(answer.signal.aborted).toBe(false);
    await answer.store([new AIMessage("Hello")]);
    await answer.close();
  });

  test("gives up after waitFor, and leaves nothing; the other one has to stop all the same", async () => {
    const answer = await user.begin("one", { lease: 20 });
    const error = await reason(user.begin("two", { input: "Else", supersede: true, waitFor: 1 }));
    expect(error).toMatchObject({ code: "CONVERSATION_BUSY" });
    expect(answer.signal.reason).toMatchObject(superseded);
    await answer.close();
    expect(await user.stored()).toEqual(["human: Hi"]);
    expect(await heard(user.answers)).toEqual([{ end: "superseded" }]);
    // Nobody is in line any more.
    await (await user.begin("three", { input: "Third" })).close();
    expect(await user.stored()).toEqual(["human: Hi", "human: Third"]);
  });

  test("when five begin at once, the newest begins, and the others are superseded and leave nothing", async () => {
    const answer = await user.begin();
    const places = await Promise.all([1, 2, 3, 4, 5].map(async () => user.elsewhere()));
    const outcomes: Promise<unknown>[] = [];
    for (const [index, { answers }] of places.entries()) {
      const begun = answers.begin({ operationId: `${index}`, input: `${index}`, supersede: true });
      outcomes.push(reason(begun.then((newest) => newest.close())));
      // The order in which they come is the order in which they are newer.
      await expect
        .poll(() => client.get(user.keys.answer(user.id).successor).then((line) => line?.split(" ").length))
        .toBe(index + 2);
    }
    await answer.close();
    const found = await Promise.all(outcomes);
    expect(found.slice(0, 4)).toEqual(found.slice(0, 4).map(() => expect.objectContaining(superseded) as unknown));
    expect(found[4]).toBeUndefined();
    expect(await user.stored()).toEqual(["human: Hi", "human: 4"]);
  });
});

test("a turn in a slow tool is stopped within a second, and what the tool returns later is not stored", async () => {
  let finish: (() => void) | undefined;
  const slow = tool(() => new Promise<string>((resolve) => (finish = () => resolve("late"))), {
    name: "slow",
    schema: z.object({}),
  });
  for (const persist of ["turn", "step"] as const) {
    const another = await Answering.on(client);
    const model = new ScriptedModel(calling(["slow", {}]), "never");
    const middleware = [sessionMiddleware({ sessions: another.store, persist })];
    const agent = createAgent({ model, tools: [slow], middleware });
    const answer = await another.begin();
    const input = { messages: [new HumanMessage("Hi")] };
    const run = thrown(agent.invoke(input, { context: { session: another.session, answer } }));
    await started(model);
    await expect.poll(() => finish).toBeDefined();
    expect(await another.answers.stop()).toBe(true);
    // Long before its lease is renewed, and before the tool returns.
    await expect.poll(async () => (await another.stored()).length, { timeout: 5_000 }).toBe(3);
    const kept = await another.stored();
    finish?.();
    finish = undefined;
    expect(await run).toMatchObject({ code: "ANSWER_STOPPED", reason: "stop" });
    await answer.close();
    expect(await another.stored()).toEqual(kept);
    expect(kept.join()).not.toContain("late");
    expect(await heard(another.answers)).toEqual([{ end: "stopped" }]);
    expect(model.given).toHaveLength(1);
    await another.close();
  }
});

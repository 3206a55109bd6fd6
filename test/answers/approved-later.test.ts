// P14: a person approves much later, when the process that asked is gone, its lease is over and its log has expired.
import { HumanMessage } from "@langchain/core/messages";
import { Command } from "@langchain/langgraph";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { damaged } from "../past/support/damaged.js";
import { sampleOf } from "../support/amount.js";
import type { LineProcess } from "../support/line-process.js";
import { calling, ScriptedModel } from "../support/scripted-model.js";
import { client } from "../support/session-store.js";
import { type AgentOrder, startAgent } from "./support/agent-processes.js";
import { Answering, heard, reason } from "./support/answering.js";
import { moneyAgent } from "./support/money-agent.js";

const { single } = inject("servers");
const BRIEF = 1;

let user: Answering;
let child: LineProcess | undefined;
beforeEach(async () => {
  user = await Answering.on(client);
});
afterEach(async () => {
  await child?.stop();
  await user.close();
});

const order = (more: Partial<AgentOrder>): AgentOrder => ({
  address: single,
  keyPrefix: user.keyPrefix,
  session: user.session,
  begin: { operationId: "one", input: "Hi", lease: BRIEF, ttl: BRIEF },
  runs: "agent",
  does: "ask",
  ...more,
});

/** Waits until nothing is left of the lease and of the events of the first run. */
async function muchLater(): Promise<void> {
  const { events } = user.keys.answer(user.id);
  await expect.poll(() => client.exists(events, user.keys.turns(user.id).lease)).toBe(0);
}

/** Another session of the user approves, in this process, and a third one follows. Returns what that one heard. */
async function approve(operationId: string): Promise<readonly unknown[]> {
  const { store, session, answers } = await user.elsewhere();
  const answer = await answers.begin({ operationId });
  answer.send("going on");
  const followed = heard((await user.elsewhere()).answers);
  const agent = moneyAgent(new ScriptedModel("Done."), { sessions: store, asks: true });
  await agent.invoke(
    new Command({ resume: { decisions: [{ type: "approve" }] } }) as never,
    { context: { session, answer }, configurable: { session, thread_id: user.id } } as never,
  );
  await answer.close();
  return followed;
}

const whole = ["human: Hi", "ai: ", "tool: sent 5", "ai: Done."];

describe.each(sampleOf("turn", "step"))("an agent that stores each %s, and waits for a person,", (persist) => {
  test("goes on with its parts in another session of the user, when its process has been killed since", async () => {
    child = startAgent(order({ persist, closes: true }));
    expect([await child.hear(), await child.hear()]).toEqual(["paused", "closed"]);
    expect((await heard(user.answers)).at(-1)).toEqual({ end: "waiting" });
    await child.stop();
    await muchLater();
    const { answers } = await user.elsewhere();
    expect(await answers.current()).toMatchObject({ operationId: "one", state: "waiting" });
    // The events are gone, and the end is not.
    expect(await heard(answers)).toEqual([{ end: "waiting" }]);
    const before = await user.stored();
    expect(before[0]).toBe("human: Hi");
    expect(await approve("one")).toEqual(["going on", { end: "stored" }]);
    expect(await user.stored()).toEqual(whole);
    expect(await answers.current()).toBeUndefined();
    expect(await reason(user.begin())).toMatchObject({ code: "OPERATION_CONFLICT" });
  });

  test("goes on also when its process was killed before it could say that it waits", async () => {
    child = startAgent(order({ persist }));
    expect(await child.hear()).toBe("paused");
    await child.stop();
    const { answers } = await user.elsewhere();
    expect((await heard(answers)).at(-1)).toEqual({ end: "interrupted" });
    await muchLater();
    expect(await answers.current()).toMatchObject({ operationId: "one", state: "interrupted" });
    expect(await approve("one")).toEqual(["going on", { end: "stored" }]);
    expect(await user.stored()).toEqual(whole);
    expect(await answers.current()).toBeUndefined();
  });
});

test("the control: an answer that goes with its log, although it waits, is not offered later", async () => {
  const forgetful = await Answering.on(damaged(client, "waiting = true, ", ""), { keyPrefix: user.keyPrefix });
  const answer = await forgetful.begin("one", { lease: BRIEF, ttl: BRIEF });
  const agent = moneyAgent(new ScriptedModel(calling(["transfer", { amount: 5 }])), {
    sessions: forgetful.store,
    asks: true,
  });
  const { session, id } = forgetful;
  await agent.invoke({ messages: [new HumanMessage("Hi")] }, {
    context: { session, answer },
    configurable: { session, thread_id: id },
  } as never);
  await answer.close();
  expect(await forgetful.answers.current()).toMatchObject({ state: "waiting" });
  await expect.poll(() => client.exists(forgetful.keys.answer(id).events)).toBe(0);
  expect(await forgetful.answers.current()).toBeUndefined();
  await forgetful.close();
});

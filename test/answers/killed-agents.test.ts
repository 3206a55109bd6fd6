// P14 and P13: a process is killed while its agent answers. Followers hear it, the question and the stored steps are there,
// and a repeated request takes their place. And two processes: the newer turn stops the one that runs in the other.
import { HumanMessage } from "@langchain/core/messages";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { damaged } from "../past/support/damaged.js";
import type { LineProcess } from "../support/line-process.js";
import { calling, ScriptedModel } from "../support/scripted-model.js";
import { client } from "../support/session-store.js";
import type { Client } from "../support/topologies.js";
import { type AgentOrder, startAgent } from "./support/agent-processes.js";
import { Answering, heard } from "./support/answering.js";
import { moneyAgent } from "./support/money-agent.js";

const { single } = inject("servers");

let user: Answering;
let child: LineProcess;
beforeEach(async () => {
  user = await Answering.on(client);
});
afterEach(async () => {
  await child.stop();
  await user.close();
});

async function hanging(more: Partial<AgentOrder>): Promise<void> {
  const { keyPrefix, session } = user;
  child = startAgent({ address: single, keyPrefix, session, runs: "agent", does: "work", ...more });
  expect(await child.hear()).toBe("hangs");
}

/** Repeats the request in this process. */
async function repeat(through: Client, persist: "turn" | "step"): Promise<void> {
  const { store, session, answers } = await user.elsewhere(through);
  const answer = await answers.begin({ operationId: "one", input: "Hi" });
  const agent = moneyAgent(new ScriptedModel(calling(["transfer", { amount: 5 }]), "Done."), {
    sessions: store,
    persist,
  });
  await agent.invoke({ messages: [] }, { context: { session, answer } });
  await answer.close();
}

const steps = ["human: Hi", "ai: ", "tool: sent 5"];

describe.each([
  { persist: "turn", kept: ["human: Hi"] },
  { persist: "step", kept: steps },
] as const)("a process that is killed while its agent answers, and stores each $persist:", ({ persist, kept }) => {
  test("followers hear it, what it stored is there, and a repeated request takes the place of that", async () => {
    await hanging({ begin: { operationId: "one", input: "Hi" }, persist });
    const followed = heard(user.answers);
    await child.stop();
    await user.settle();
    expect((await followed).at(-1)).toEqual({ end: "interrupted" });
    expect(await user.stored()).toEqual(kept);
    const current = await user.answers.current();
    expect(current).toMatchObject({ operationId: "one", state: "interrupted" });
    expect(current?.question.map(({ text }) => text)).toEqual(["Hi"]);
    await repeat(client, persist);
    expect(await user.stored()).toEqual([...steps, "ai: Done."]);
    expect((await heard(user.answers)).at(-1)).toEqual({ end: "stored" });
  });
});

test("the control: in scripts that keep what an earlier run left, the steps are there twice", async () => {
  await hanging({ begin: { operationId: "one", input: "Hi" }, persist: "step" });
  await child.stop();
  await user.settle();
  await repeat(damaged(client, "return found.parts, 0", "return 0, 0"), "step");
  expect(await user.stored()).toEqual([...steps, ...steps, "ai: Done."]);
});

describe.each(["agent", "runnable"] as const)('%s, concurrency "interrupt", in two processes', (runs) => {
  test("the newer turn stops the one that runs in the other process, and follows what was kept of it", async () => {
    await hanging({ runs, does: "speak", concurrency: "interrupt" });
    const { store, session } = await user.elsewhere();
    const model = new ScriptedModel("Yes?");
    const options = { sessions: store, concurrency: "interrupt" } as const;
    await (runs === "agent"
      ? moneyAgent(model, options).invoke({ messages: [new HumanMessage("Stop")] }, { context: { session } })
      : new RunnableWithSession({ runnable: model, ...options }).invoke("Stop", { configurable: { session } }));
    expect(await child.hear()).toEqual({ code: "ANSWER_STOPPED", reason: "superseded" });
    expect(model.given[0]?.map(({ text }) => text)).toEqual(["Hi", "Hello", "Stop"]);
    expect(await user.stored()).toEqual(["human: Hi", "ai!: Hello", "human: Stop", "ai: Yes?"]);
  });
});

// What sessionMiddleware keeps in the agent's state stands in each checkpoint, so it must not grow with the conversation.
import type { RunnableConfig } from "@langchain/core/runnables";
import { MemorySaver } from "@langchain/langgraph";
import { type AgentMiddleware, createAgent, humanInTheLoopMiddleware, summarizationMiddleware, tool } from "langchain";
import { expect, test } from "vitest";
import { z } from "zod";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { calling, ScriptedModel } from "../support/scripted-model.js";
import { freshId } from "../support/turns.js";
import { session, sessions, stored } from "./support/sessions.js";

const look = tool(({ at }) => `saw ${at}`, {
  name: "look",
  description: "Looks at something",
  schema: z.object({ at: z.string() }),
});
const SHORT = 5;
const LONG = 25;

/** Notes how many bytes the middleware's record takes in each checkpoint. */
class MeasuringSaver extends MemorySaver {
  sizes: number[] = [];

  override async put(...written: Parameters<MemorySaver["put"]>): Promise<RunnableConfig> {
    const [, bytes] = await this.serde.dumpsTyped(written[1].channel_values["_session"] ?? null);
    this.sizes.push(bytes.length);
    return super.put(...written);
  }
}

const summarizing = (): AgentMiddleware =>
  summarizationMiddleware({
    model: new ScriptedModel("what was said"),
    trigger: { messages: 12 },
    keep: { messages: 6 },
  } as never) as AgentMiddleware;
const asking = (): AgentMiddleware => humanInTheLoopMiddleware({ interruptOn: {} } as never) as AgentMiddleware;

test.each([
  { persist: "turn", other: "no other middleware", breaksOff: false },
  { persist: "step", other: "no other middleware", breaksOff: false },
  { persist: "turn", other: "humanInTheLoopMiddleware", breaksOff: true },
  { persist: "step", other: "summarizationMiddleware", breaksOff: true },
] as const)(
  `the record takes as many bytes in turn ${LONG} as in turn ${SHORT}: persist "$persist", $other, runs break off: $breaksOff`,
  async ({ persist, other, breaksOff }) => {
    const checkpointer = new MeasuringSaver();
    const failing = breaksOff ? [new Error("no model today")] : [];
    const answers = Array.from({ length: LONG }, () => [calling(["look", { at: "a" }]), ...failing, "Done."]).flat();
    const others = {
      "no other middleware": [],
      humanInTheLoopMiddleware: [asking()],
      summarizationMiddleware: [summarizing()],
    };
    const agent = createAgent({
      model: new ScriptedModel(...answers),
      tools: [look],
      checkpointer,
      middleware: [sessionMiddleware({ sessions, persist }), ...others[other]],
    });
    const call = { context: { session }, configurable: { thread_id: freshId() } };
    const sizes: number[][] = [];
    for (let turn = 1; turn <= LONG; turn += 1) {
      const run = agent.invoke({ messages: "Go" }, call);
      if (breaksOff) {
        await expect(run).rejects.toThrow("no model today");
        await expect.poll(async () => (await stored()).length).toBe(turn * 4 - 1);
        await agent.invoke(null, call);
      } else await run;
      sizes.push(checkpointer.sizes);
      checkpointer.sizes = [];
    }
    expect(await stored()).toHaveLength(LONG * 4);
    const [early, late] = [sizes[SHORT - 1] ?? [], sizes[LONG - 1] ?? []];
    expect(early.length).toBeGreaterThan(4);
    expect(Math.max(...late)).toBeGreaterThan(100);
    // Ids and dates differ in length by a little.
    expect(Math.max(...late) - Math.max(...early)).toBeLessThan(20);
    expect(late.at(-1) ?? 0).toBeLessThan((early.at(-1) ?? 0) + 20);
  },
);

import { Annotation, START, StateGraph } from "@langchain/langgraph";
import { expect } from "vitest";
import { threadConfig } from "../support/checkpoints.js";
import { memory, model } from "../support/kinds.js";
import { type Meeting, meetingOf } from "../support/meeting.js";
import type { Place, Saver, SaverOptions } from "../support/place.js";
import type { SaverPromise } from "../support/saver-promise.js";

const State = Annotation.Root({
  said: Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
});

function graphOn(checkpointer: Saver, meeting: Meeting) {
  return new StateGraph(State)
    .addNode("answer", async ({ said }) => {
      await meeting.arrive();
      return { said: [`re: ${said.at(-1)}`] };
    })
    .addEdge(START, "answer")
    .compile({ checkpointer });
}

type Durability = "async" | "sync" | "exit";

/** Two processes take a turn each, of one thread, at once. Both have read it before either answers, or was refused. */
async function twoAtOnce({ open }: Place, durability: Durability, options: SaverOptions) {
  const config = { ...threadConfig("thread"), durability };
  await graphOn(open(options), meetingOf(1)).invoke({ said: ["first"] }, config);
  const meeting = meetingOf(2);
  const runs = ["one", "two"].map(async (said) => {
    try {
      return await graphOn(open(options), meeting).invoke({ said: [said] }, config);
    } finally {
      meeting.leave();
    }
  });
  const outcomes = await Promise.allSettled(runs);
  const { values } = await graphOn(open(options), meeting).getState(config);
  return { outcomes, said: (values as typeof State.State).said };
}

const durabilities: readonly Durability[] = ["async", "sync", "exit"];

export const twoRuns: readonly SaverPromise[] = durabilities.map((durability) => ({
  claim: `with \`forks: "refuse"\` one of two runs at once is refused, and the other loses nothing (${durability})`,
  holds: async (place) => {
    const { outcomes, said } = await twoAtOnce(place, durability, { forks: "refuse" });
    const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
    expect(refused).toEqual([expect.objectContaining({ code: "THREAD_CHANGED" })]);
    const stored = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value.said] : []));
    expect(stored).toEqual([said]);
    expect(said).toHaveLength(4);
  },
  controls: [
    model("forks are allowed"),
    memory,
    {
      name: "forks: allow",
      place: () => {
        const { open } = model().place();
        return { open: (options) => open({ ...options, forks: "allow" }) };
      },
    },
  ],
}));

/** Returns how many of the six messages of three turns are left when forks are allowed, and both runs were told so. */
export async function leftWithForks(place: Place, durability: Durability): Promise<number> {
  const { outcomes, said } = await twoAtOnce(place, durability, { forks: "allow" });
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
  return said.length;
}

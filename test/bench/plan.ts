import type { AnswerPlan } from "./answers/measure.js";
import type { ColdPlan } from "./cold/measure.js";
import type { GraphPlan } from "./graphs/measure.js";
import type { Effort } from "./measure/compare.js";
import type { PrivatePlan } from "./private/measure.js";
import type { TelemetryPlan } from "./telemetry/measure.js";
import { append } from "./workloads/append.js";
import { getMemory, setMemory } from "./workloads/memory.js";
import { read } from "./workloads/read.js";
import { createSession, endSession, verifySession } from "./workloads/sessions.js";
import { turn } from "./workloads/turn.js";
import type { Workload } from "./workloads/workload.js";

/** Under which circumstances something is measured. */
export interface Condition {
  readonly delayMilliseconds: number;
  readonly sessions: number;
}

/** How much work a run makes of it. */
export interface Plan extends Effort {
  readonly conditions: readonly Condition[];
  readonly cpuRounds: number;
  readonly byteLengths: readonly number[];
  readonly graphs: GraphPlan;
  readonly answers: AnswerPlan;
  readonly private: PrivatePlan;
  readonly cold: ColdPlan;
  readonly telemetry: TelemetryPlan;
}

const conditions: readonly Condition[] = [0, 1, 5].flatMap((delayMilliseconds) =>
  [1, 16, 256].map((sessions) => ({ delayMilliseconds, sessions })),
);
const byteLengths = [2, 20, 200, 2_000];

/** About a quarter of an hour. */
export const fullPlan: Plan = {
  conditions,
  warmUpRounds: 3,
  rounds: 31,
  mostSeconds: 10,
  sliceMilliseconds: 40,
  cpuRounds: 101,
  byteLengths,
  graphs: { turns: [10, 50, 100], delayMilliseconds: 2 },
  answers: {
    asking: [
      { delayMilliseconds: 0, firstMilliseconds: 5, tokens: 200, everyMilliseconds: 5 },
      { delayMilliseconds: 0, firstMilliseconds: 50, tokens: 200, everyMilliseconds: 5 },
      { delayMilliseconds: 0, firstMilliseconds: 300, tokens: 200, everyMilliseconds: 5 },
      { delayMilliseconds: 1, firstMilliseconds: 300, tokens: 200, everyMilliseconds: 5 },
    ],
    askerRounds: 11,
    speech: { tokens: 1_000, everyMilliseconds: 5 },
    lag: { chunks: 200, warmUp: 50, everyMilliseconds: 20 },
    lagRounds: 5,
    crowds: [100, 250, 500, 1_000],
    crowd: { chunks: 100, warmUp: 100, everyMilliseconds: 50 },
    crowdRounds: 3,
    killing: { chunks: 100, everyMilliseconds: 20, lease: "30s", patienceMilliseconds: 60_000 },
  },
  private: { conversations: 2_000, delays: [0, 1] },
  cold: { rounds: 31 },
  telemetry: { delays: [0, 1] },
};

/** Under one. */
export const quickPlan: Plan = {
  conditions: conditions.filter(
    ({ sessions, delayMilliseconds }) => sessions === 1 || (sessions === 16 && delayMilliseconds === 0),
  ),
  warmUpRounds: 2,
  rounds: 3,
  mostSeconds: 5,
  sliceMilliseconds: 5,
  cpuRounds: 15,
  byteLengths,
  graphs: { turns: [4, 20], delayMilliseconds: 2 },
  answers: {
    asking: [
      { delayMilliseconds: 0, firstMilliseconds: 5, tokens: 40, everyMilliseconds: 5 },
      { delayMilliseconds: 1, firstMilliseconds: 300, tokens: 40, everyMilliseconds: 5 },
    ],
    askerRounds: 5,
    speech: { tokens: 200, everyMilliseconds: 5 },
    lag: { chunks: 50, warmUp: 10, everyMilliseconds: 20 },
    lagRounds: 2,
    crowds: [100, 250],
    crowd: { chunks: 40, warmUp: 40, everyMilliseconds: 50 },
    crowdRounds: 1,
    killing: { chunks: 50, everyMilliseconds: 20, lease: "3s", patienceMilliseconds: 6_000 },
  },
  private: { conversations: 500, delays: [0, 1] },
  cold: { rounds: 9 },
  telemetry: { delays: [0, 1] },
};

/** For a test: that every row is there. */
export const smokePlan: Plan = {
  conditions: [
    { delayMilliseconds: 0, sessions: 1 },
    { delayMilliseconds: 1, sessions: 1 },
    { delayMilliseconds: 0, sessions: 3 },
  ],
  warmUpRounds: 0,
  rounds: 1,
  mostSeconds: 5,
  sliceMilliseconds: 0,
  cpuRounds: 1,
  byteLengths: [2],
  graphs: { turns: [1, 2], delayMilliseconds: 1 },
  answers: {
    asking: [{ delayMilliseconds: 0, firstMilliseconds: 5, tokens: 30, everyMilliseconds: 5 }],
    askerRounds: 1,
    speech: { tokens: 30, everyMilliseconds: 5 },
    lag: { chunks: 10, warmUp: 1, everyMilliseconds: 20 },
    lagRounds: 1,
    crowds: [4],
    crowd: { chunks: 4, warmUp: 1, everyMilliseconds: 50 },
    crowdRounds: 1,
    killing: { chunks: 10, everyMilliseconds: 10, lease: "1s", patienceMilliseconds: 4_000 },
  },
  private: { conversations: 100, delays: [0, 1] },
  cold: { rounds: 1 },
  telemetry: { delays: [0, 1] },
};

export const workloads: readonly Workload[] = [
  append,
  read(10, 256),
  read(100, 256),
  read(1_000, 256),
  read(10_000, 16),
  turn,
  createSession,
  verifySession,
  endSession,
  setMemory,
  getMemory,
];

import { SessionStore } from "langchain-redis-sessions";
import { median } from "../../bench/measure/statistics.js";
import { lineThrough } from "../model/least-squares.js";
import type { Call, CallParameters, Linear } from "../model/parameters.js";
import { bytesIn, messagesIn, messagesOf, type Turn } from "../workload/conversation.js";
import { commandsBetween, commandsOf, type CommandUse, usageBetween, type Usage, usageOf } from "./info.js";
import { inLanes } from "./lanes.js";
import type { Server } from "./server.js";

/** How often each call is made: in so many rounds, so often in each. */
export interface Effort {
  readonly rounds: number;
  readonly callsPerRound: number;
}

/** One call under one circumstance. Processor time is the median of the rounds. */
export interface MeasuredCall extends Usage, CommandUse {
  readonly call: Call;
  /** Messages and bytes of text that it carries. */
  readonly items: number;
  readonly bytes: number;
}

/** What a call carries, and what makes it. */
export interface Circumstance {
  readonly call: Call;
  readonly turns: readonly Turn[];
  readonly run: (lane: number) => Promise<unknown>;
}

const typical: Turn = { question: 80, answer: 600 };
const appended: readonly Turn[] = [
  typical,
  { question: 80, answer: 150 },
  { question: 80, answer: 2_400 },
  { question: 80, answer: 600, toolResult: 800 },
];
const READ_TURNS = [1, 5, 20, 60];

/** How many calls are under way at once. Each connection has one: nothing is pipelined, which is the dear way. */
export const LANES = 8;

export async function measureCalls(
  server: Server,
  { rounds, callsPerRound }: Effort,
  random: () => number,
): Promise<MeasuredCall[]> {
  const circumstances = await prepare(server, random);
  const found = circumstances.map(() => [] as (Usage & CommandUse)[]);
  for (let round = 0; round < rounds; round++) {
    for (const [index, { run }] of circumstances.entries()) {
      found[index]?.push(await measure(server, callsPerRound, run));
    }
  }
  return circumstances.map(({ call, turns }, index) => {
    const measured = found[index] ?? [];
    const medianOf = (name: keyof (Usage & CommandUse)): number => median(measured.map((one) => one[name]));
    return {
      call,
      items: messagesIn(turns),
      bytes: bytesIn(turns),
      cpuMicroseconds: medianOf("cpuMicroseconds"),
      bytesIn: medianOf("bytesIn"),
      bytesOut: medianOf("bytesOut"),
      commands: medianOf("commands"),
      commandMicroseconds: medianOf("commandMicroseconds"),
    };
  });
}

async function measure(
  { nodes }: Server,
  operations: number,
  run: (lane: number) => Promise<unknown>,
): Promise<Usage & CommandUse> {
  // To ask costs something too: twice with nothing in between tells how much.
  const asked = await usageOf(nodes);
  const commandsBefore = await commandsOf(nodes);
  const before = await usageOf(nodes);
  await callMany(operations, run);
  const after = await usageOf(nodes);
  const commandsAfter = await commandsOf(nodes);
  const usage = usageBetween(before, after, operations);
  const asking = usageBetween(asked, before, 2 * operations);
  return {
    cpuMicroseconds: Math.max(0, usage.cpuMicroseconds - asking.cpuMicroseconds),
    bytesIn: usage.bytesIn - asking.bytesIn,
    bytesOut: usage.bytesOut - asking.bytesOut,
    ...commandsBetween(commandsBefore, commandsAfter, operations),
  };
}

export async function callMany(times: number, run: Circumstance["run"]): Promise<void> {
  await inLanes(lanesOf(times), LANES, (_, lane) => run(lane));
}

function lanesOf(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Each lane has a session and a connection of its own; a conversation for each circumstance. */
export async function prepare({ clients }: Server, random: () => number): Promise<Circumstance[]> {
  const lanes = await Promise.all(
    lanesOf(LANES).map(async (lane) => {
      const store = new SessionStore({ client: clients[lane % clients.length] as (typeof clients)[number] });
      const { token, session } = await store.create({ userId: `calls-${lane}`, agentId: "support" });
      return { store, token, session };
    }),
  );
  const laneAt = (lane: number) => lanes[lane] as (typeof lanes)[number];
  const inOwnConversation = async (turns: readonly Turn[]) => {
    const sessions = await Promise.all(
      lanes.map(async ({ store, session }) => {
        const opened = await store.openConversation(session);
        for (const turn of turns) await store.history(opened).addMessages(messagesOf(turn, random));
        return opened;
      }),
    );
    return (lane: number) => laneAt(lane).store.history(sessions[lane] as (typeof sessions)[number]);
  };
  const circumstances: Circumstance[] = [
    { call: "verify", turns: [], run: (lane) => laneAt(lane).store.verify(laneAt(lane).token) },
  ];
  for (const turn of appended) {
    const open = await inOwnConversation([]);
    circumstances.push({
      call: "append",
      turns: [turn],
      run: (lane) => open(lane).addMessages(messagesOf(turn, random)),
    });
  }
  for (const [position, length] of READ_TURNS.entries()) {
    const turns = Array.from({ length }, (_, index) => appended[(index + position) % appended.length] ?? typical);
    const open = await inOwnConversation(turns);
    circumstances.push({ call: "read", turns, run: (lane) => open(lane).getMessages() });
  }
  // The server learns the scripts, and the connections get their buffers.
  for (const { run } of circumstances) await callMany(LANES, run);
  return circumstances;
}

/** The straight lines through what was measured. */
export function fitCalls(measured: readonly MeasuredCall[]): Record<Call, CallParameters> {
  const fit = (call: Call, what: keyof Usage): Linear => {
    const rows = measured.filter((one) => one.call === call);
    return lineThrough(
      // Processor time is too noisy to tell a message from its bytes, and that of an append hardly depends on either.
      rows.map(({ items, bytes }) =>
        what === "cpuMicroseconds" ? { items: call === "read" ? items : 0, bytes: 0 } : { items, bytes },
      ),
      rows.map((row) => row[what]),
    );
  };
  const fitAll = (call: Call): CallParameters => ({
    cpuMicroseconds: fit(call, "cpuMicroseconds"),
    bytesIn: fit(call, "bytesIn"),
    bytesOut: fit(call, "bytesOut"),
  });
  return { verify: fitAll("verify"), read: fitAll("read"), append: fitAll("append") };
}

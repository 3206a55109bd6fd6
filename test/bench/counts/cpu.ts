import {
  AIMessage,
  type BaseMessage,
  HumanMessage,
  mapStoredMessagesToChatMessages,
  type StoredMessage,
  ToolMessage,
} from "@langchain/core/messages";
import { shuffled } from "../measure/random.js";
import { median, pairedRatio, type Ratio } from "../measure/statistics.js";
import { mixedMessages } from "../workloads/messages.js";
import { decodeMessage, encodeMessage } from "./codec.js";

/** Microseconds of processor time a message, over a mix of messages. */
export interface Cpu {
  readonly what: "encode" | "decode";
  readonly candidate: string;
  readonly microseconds: number;
  /** How many times as much as the first candidate of the same kind. */
  readonly ratio: Ratio;
}

type Candidates = readonly (readonly [name: string, run: () => unknown])[];

const ENCODE_BASELINE = "JSON.stringify(message.toDict())";
const DECODE_BASELINE = "JSON.parse";

export function measureCpu(rounds: number, random: () => number): Cpu[] {
  const messages = mixedMessages();
  const entries = messages.map((message, position) => `${encodeMessage(message, position)},"at":1732217582123}`);
  const encode: Candidates = [
    [ENCODE_BASELINE, () => messages.map((message) => JSON.stringify(message.toDict()))],
    ["this library", () => messages.map((message, position) => encodeMessage(message, position))],
  ];
  const decode: Candidates = [
    [DECODE_BASELINE, () => entries.map(parse)],
    ["JSON.parse and LangChain's constructor", () => entries.map((entry) => construct(parse(entry)))],
    ["this library", () => entries.map((entry, index) => decodeMessage(entry, index))],
    ["mapStoredMessagesToChatMessages", () => mapStoredMessagesToChatMessages(entries.map(parse))],
  ];
  return [
    ...compareCpu("encode", encode, messages.length, { rounds, random }),
    ...compareCpu("decode", decode, messages.length, { rounds, random }),
  ];
}

function parse(entry: string): StoredMessage {
  return JSON.parse(entry) as StoredMessage;
}

/** The least that gives a message back: what it was is taken for granted. */
function construct({ type, data }: StoredMessage): BaseMessage {
  if (type === "human") return new HumanMessage(data as never);
  return type === "ai" ? new AIMessage(data as never) : new ToolMessage(data as never);
}

const REPETITIONS = 100;
const WARM_UP_ROUNDS = 5;

function compareCpu(
  what: Cpu["what"],
  candidates: Candidates,
  messages: number,
  { rounds, random }: { rounds: number; random: () => number },
): Cpu[] {
  const series = candidates.map(([candidate, run]) => ({ candidate, run, microseconds: [] as number[] }));
  for (let round = 0; round < WARM_UP_ROUNDS + rounds; round++) {
    for (const { run, microseconds } of shuffled(series, random)) {
      const before = process.cpuUsage();
      for (let repetition = 0; repetition < REPETITIONS; repetition++) run();
      const { user, system } = process.cpuUsage(before);
      if (round >= WARM_UP_ROUNDS) microseconds.push((user + system) / REPETITIONS / messages);
    }
  }
  const baseline = series[0]?.microseconds ?? [];
  return series.map(({ candidate, microseconds }) => ({
    what,
    candidate,
    microseconds: median(microseconds),
    ratio: pairedRatio(microseconds, baseline),
  }));
}

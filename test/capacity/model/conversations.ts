import { seededRandom } from "../../bench/measure/random.js";
import { draw, momentsOf } from "../workload/spread.js";
import type { World } from "../workload/world.js";
import type { Assumptions } from "./assumptions.js";

/** What the average conversation and the average turn come to. */
export interface AverageConversation {
  readonly turns: number;
  readonly messagesPerTurn: number;
  readonly bytesPerTurn: number;
  /** That are stored in the end. */
  readonly messages: number;
  /** That the average turn finds and reads: turns of long conversations are most of all turns. */
  readonly messagesRead: number;
  readonly conversationsPerUser: number;
  readonly valuesPerMemory: number;
  readonly valueBytes: number;
}

const DRAWS = 100_000;
/** A page asks for the same one again and again. */
const known = new Map<string, AverageConversation>();

export function averageConversation(world: World, { window, maxMessages }: Assumptions): AverageConversation {
  const name = JSON.stringify([world, String(window), String(maxMessages)]);
  const average = known.get(name) ?? workOut(world, window, maxMessages);
  known.set(name, average);
  return average;
}

function workOut(world: World, window: number, maxMessages: number): AverageConversation {
  const mean = (spread: World["answerBytes"]): number => momentsOf(spread, seededRandom(11), DRAWS).mean;
  const messagesPerTurn = 2 + 2 * world.toolTurns;
  const random = seededRandom(12);
  const total = { turns: 0, stored: 0, read: 0 };
  for (let count = 0; count < DRAWS; count++) {
    const turns = draw(world.turnsPerConversation, random);
    total.turns += turns;
    total.stored += Math.min(turns * messagesPerTurn, maxMessages);
    for (let turn = 0; turn < turns; turn++) total.read += Math.min(turn * messagesPerTurn, window, maxMessages);
  }
  return {
    turns: total.turns / DRAWS,
    messagesPerTurn,
    bytesPerTurn: mean(world.questionBytes) + mean(world.answerBytes) + world.toolTurns * mean(world.toolResultBytes),
    messages: total.stored / DRAWS,
    messagesRead: total.read / total.turns,
    conversationsPerUser: mean(world.conversationsPerUser),
    valuesPerMemory: mean(world.valuesPerMemory),
    valueBytes: mean(world.valueBytes),
  };
}

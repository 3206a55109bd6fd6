import { quantile } from "../../bench/measure/statistics.js";
import { seededRandom } from "../../bench/measure/random.js";
import { historyKeys, ownerKeys, ownerTag } from "../../../src/redis/keys.js";
import { draw } from "../workload/spread.js";
import type { World } from "../workload/world.js";
import { SLOTS, shardOf, slotOf } from "./slots.js";

/** What is spread over the shards, and how unlike the parts are. */
const scenarios = [
  "bytes of users",
  "bytes of standalone histories",
  "turns of users",
  "turns of users, Zipf",
  "bytes of one tenant's users",
] as const;
export type Scenario = (typeof scenarios)[number];

/** The fullest shard, as a multiple of the average one, over many seeds. */
export interface Unevenness {
  readonly scenario: Scenario;
  /** How many users, or histories, there are. */
  readonly owners: number;
  readonly shards: number;
  readonly seeds: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  /** Standard deviation of an owner's weight by its mean, for the formula. */
  readonly variation: number;
}

export interface SimulationPlan {
  readonly owners: readonly number[];
  readonly shards: readonly number[];
  readonly seeds: number;
}

/** Of all users, a huge tenant has this part. */
export const TENANT_PART = 0.3;

export function simulate(plan: SimulationPlan, world: World, onPart: (part: number) => void = () => {}): Unevenness[] {
  const ratios = new Map<string, number[]>();
  const variations = new Map<string, number[]>();
  for (let seed = 1; seed <= plan.seeds; seed++) {
    for (const owners of plan.owners) {
      // The same people in every scenario but one, so that hashing them is done once.
      const slots = slotsOf(owners, seed);
      for (const scenario of scenarios) {
        const { perSlot, variation } = spreadOverSlots(scenario, slots, world, seed);
        const name = `${scenario} ${owners}`;
        variations.set(name, [...(variations.get(name) ?? []), variation]);
        for (const shards of plan.shards) {
          const key = `${name} ${shards}`;
          ratios.set(key, [...(ratios.get(key) ?? []), fullest(perSlot, shards)]);
        }
      }
    }
    onPart(1 / plan.seeds);
  }
  return scenarios.flatMap((scenario) =>
    plan.owners.flatMap((owners) =>
      plan.shards.map((shards) => {
        const found = ratios.get(`${scenario} ${owners} ${shards}`) ?? [];
        return {
          scenario,
          owners,
          shards,
          seeds: plan.seeds,
          mean: meanOf(found),
          low: quantile(found, 0.025),
          high: quantile(found, 0.975),
          variation: meanOf(variations.get(`${scenario} ${owners}`) ?? []),
        };
      }),
    ),
  );
}

function spreadOverSlots(
  scenario: Scenario,
  slots: Slots,
  world: World,
  seed: number,
): { perSlot: Float64Array; variation: number } {
  const random = seededRandom(seed);
  const perSlot = new Float64Array(SLOTS);
  let sum = 0;
  let squares = 0;
  let counted = 0;
  const places = scenario === "bytes of standalone histories" ? slots.histories : slots.users;
  for (const [owner, slot] of places.entries()) {
    if (scenario === "bytes of one tenant's users" && random() >= TENANT_PART) continue;
    const weight = weightOf(scenario, owner, world, random);
    perSlot[slot] = (perSlot[slot] ?? 0) + weight;
    sum += weight;
    squares += weight * weight;
    counted += 1;
  }
  const mean = sum / counted;
  return { perSlot, variation: Math.sqrt(Math.max(0, squares / counted - mean * mean)) / mean };
}

interface Slots {
  readonly users: Uint16Array;
  readonly histories: Uint16Array;
}

/** By the library's own keys: a user's carry a hash of organisation and user, a history's the id that the caller chose. */
function slotsOf(owners: number, seed: number): Slots {
  const at = (owner: number): string => `${seed}-${owner}`;
  return {
    users: Uint16Array.from({ length: owners }, (_, owner) =>
      slotOf(ownerKeys("chat", ownerTag(`user-${at(owner)}`, "acme")).conversations),
    ),
    histories: Uint16Array.from({ length: owners }, (_, owner) =>
      slotOf(historyKeys("chat", `history-${at(owner)}`).messages),
    ),
  };
}

function weightOf(scenario: Scenario, owner: number, world: World, random: () => number): number {
  const turns = (): number => draw(world.turnsPerConversation, random);
  switch (scenario) {
    case "bytes of standalone histories":
      return turns();
    case "turns of users":
      // How much people say differs more than how much they keep.
      return Math.exp(1.5 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
    case "turns of users, Zipf":
      return 1 / (owner + 1);
    case "bytes of users":
    case "bytes of one tenant's users":
      return Array.from({ length: draw(world.conversationsPerUser, random) }, turns).reduce(
        (one, other) => one + other,
      );
    default:
      return scenario satisfies never;
  }
}

function fullest(perSlot: Float64Array, shards: number): number {
  const perShard = new Float64Array(shards);
  for (const [slot, weight] of perSlot.entries()) {
    const shard = shardOf(slot, shards);
    perShard[shard] = (perShard[shard] ?? 0) + weight;
  }
  return Math.max(...perShard) / meanOf([...perShard]);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

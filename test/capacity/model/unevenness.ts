import { SLOTS } from "../simulation/slots.js";

/**
 * The fullest shard as a multiple of the average one, as expected: of so many shards with so many owners each, whose
 * weights have that variation, the heaviest is about √(2 ln shards) standard deviations above the mean; and some shards
 * have one slot more than others. `simulation/unevenness.ts` shows how far it goes: too low where single owners weigh
 * much.
 */
export function expectedUnevenness(owners: number, shards: number, variation: number): number {
  if (shards === 1) return 1;
  const slots = (Math.ceil(SLOTS / shards) * shards) / SLOTS;
  const deviation = Math.sqrt(((1 + variation ** 2) * shards) / owners);
  return slots * (1 + deviation * Math.sqrt(2 * Math.log(shards)));
}

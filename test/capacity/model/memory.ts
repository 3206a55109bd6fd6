import { kinds, keysIn, type Population } from "../workload/population.js";
import { at, type MemoryParameters } from "./parameters.js";

const POINTER_BYTES = 8;
/** All keys, and those that expire: nearly the same ones. */
const TABLES = 2;

/** Redis doubles a table when it has as many keys as buckets. */
export function bucketBytes(keys: number): number {
  return keys === 0 ? 0 : TABLES * POINTER_BYTES * 2 ** Math.ceil(Math.log2(keys));
}

/** Bytes of a population that is spread evenly over so many shards, and so many operation ids that are remembered. */
export function memoryOfPopulation(
  population: Population,
  { kinds: sizes, operation, untoldPerKey }: MemoryParameters,
  { shards = 1, operations = 0 }: { shards?: number; operations?: number } = {},
): number {
  const values = kinds.reduce((total, kind) => {
    const { keys, items, bytes } = population[kind];
    const { base, perItem, perByte } = sizes[kind];
    return total + base * keys + perItem * items + perByte * bytes;
  }, operation * operations);
  const keys = keysIn(population) + operations;
  return values + untoldPerKey * keys + shards * bucketBytes(keys / shards);
}

/** `MEMORY USAGE` of the average key of a kind. */
export function meanBytes(population: Population, kind: keyof Population, { kinds: sizes }: MemoryParameters): number {
  const { keys, items, bytes } = population[kind];
  return keys === 0 ? 0 : at(sizes[kind], items / keys, bytes / keys);
}

import type { TopologyFindings } from "../run.js";
import { memoryOfPopulation } from "./memory.js";
import { costOfTurn } from "./turn.js";

/** What the model said of a run that it had not seen, and what the run was. */
export interface Check {
  readonly what: string;
  readonly unit: "bytes" | "µs";
  readonly predicted: number;
  readonly measured: number;
  /** Part of what was measured; above 0: the model said too much. */
  readonly error: number;
}

export function checkOf({ parameters, inspected }: TopologyFindings): Check[] {
  const { population, before, after, turns } = inspected;
  const cost = costOfTurn(turns, parameters);
  const sum = (memories: typeof before): number => memories.reduce((total, { usedMemory }) => total + usedMemory, 0);
  return [
    check(
      "used_memory of all data",
      "bytes",
      memoryOfPopulation(population, parameters.memory, { shards: after.length }),
      sum(after) - sum(before),
    ),
    check("network in, a turn", "bytes", cost.bytesIn, turns.usage.bytesIn),
    check("network out, a turn", "bytes", cost.bytesOut, turns.usage.bytesOut),
    check("processor time, a turn", "µs", cost.cpuMicroseconds, turns.usage.cpuMicroseconds),
  ];
}

function check(what: string, unit: Check["unit"], predicted: number, measured: number): Check {
  return { what, unit, predicted, measured, error: predicted / measured - 1 };
}

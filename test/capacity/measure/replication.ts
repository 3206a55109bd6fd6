import { seededRandom } from "../../bench/measure/random.js";
import { lineThrough } from "../model/least-squares.js";
import type { Call, Linear } from "../model/parameters.js";
import { bytesIn, messagesIn } from "../workload/conversation.js";
import { callMany, LANES, prepare } from "./calibrate-calls.js";
import { info } from "./info.js";
import { startServer } from "./server.js";

/** What one call adds to the append-only file, which is what a primary sends to each replica. */
export interface ReplicatedCall {
  readonly call: Call;
  /** Messages and bytes of text that it carries. */
  readonly items: number;
  readonly bytes: number;
  readonly replicatedBytes: number;
}

export async function measureReplication(callsEach: number): Promise<ReplicatedCall[]> {
  // With "always" the file is written before a call is answered, so that its size is that of the calls made.
  await using server = await startServer("one node", LANES, ["--appendonly", "yes", "--appendfsync", "always"]);
  const size = async (): Promise<number> => {
    const [node] = server.nodes;
    return node === undefined ? Number.NaN : ((await info(node, "persistence"))["aof_current_size"] ?? Number.NaN);
  };
  const found: ReplicatedCall[] = [];
  for (const { call, turns, run } of await prepare(server, seededRandom(6))) {
    const before = await size();
    await callMany(callsEach, run);
    const replicatedBytes = ((await size()) - before) / callsEach;
    found.push({ call, items: messagesIn(turns), bytes: bytesIn(turns), replicatedBytes });
  }
  return found;
}

export function fitReplication(measured: readonly ReplicatedCall[]): Record<Call, Linear> {
  const fit = (call: Call): Linear => {
    const rows = measured.filter((one) => one.call === call);
    return lineThrough(
      rows,
      rows.map(({ replicatedBytes }) => replicatedBytes),
    );
  };
  return { verify: fit("verify"), read: fit("read"), append: fit("append") };
}
